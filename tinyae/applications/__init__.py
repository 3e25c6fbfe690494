"""What a trained autoencoder is good for: maps of the data, finding what is unusual, cleaning large pictures, features.

Works with any model of the library, and where it says "a function" with any function. scikit-learn (``pip install
"tinyae[apps]"``) is needed for t-SNE and for the ROC and precision-recall curves alone.
"""

from tinyae.applications.anomaly import (
    detect_anomalies,
    quantile_threshold,
    reconstruction_errors,
    roc_auc,
)
from tinyae.applications.features import accuracy, encode, linear_probe, predict, stratified_subset
from tinyae.applications.maps import (
    decode_grid,
    nearest_neighbor_accuracy,
    pca_autoencoder,
    pca_map,
    tsne_map,
)
from tinyae.applications.pretraining import greedy_pretrain
from tinyae.applications.tiles import denoise_tiles, random_patches, tile_starts
from tinyae.objectives.classification import classification

__all__ = [
    "accuracy",
    "classification",
    "decode_grid",
    "denoise_tiles",
    "detect_anomalies",
    "encode",
    "linear_probe",
    "nearest_neighbor_accuracy",
    "pca_autoencoder",
    "pca_map",
    "predict",
    "greedy_pretrain",
    "random_patches",
    "stratified_subset",
    "reconstruction_errors",
    "roc_auc",
    "quantile_threshold",
    "tile_starts",
    "tsne_map",
]
