"""What a trained autoencoder is good for: maps of the data, finding what is unusual, cleaning large pictures, features.

Works with any model of the library, and where it says "a function" with any function. scikit-learn (``pip install
"tinyae[apps]"``) is needed for t-SNE and for the ROC and precision-recall curves alone.
"""

from tinyae.applications.anomaly import detect_anomalies, reconstruction_errors, roc_auc, threshold_from
from tinyae.applications.features import accuracy, encode, linear_probe, predict, random_subset
from tinyae.applications.maps import decoded_grid, neighbours_agree, pca_autoencoder, pca_map, tsne_map
from tinyae.applications.pretraining import pretrain_stack
from tinyae.applications.tiles import denoise_tiles, random_patches, tile_starts
from tinyae.objectives.classification import classification

__all__ = [
    "accuracy", "classification", "decoded_grid", "denoise_tiles", "detect_anomalies", "encode", "linear_probe",
    "neighbours_agree",
    "pca_autoencoder", "pca_map", "predict", "pretrain_stack", "random_patches", "random_subset", "reconstruction_errors",
    "roc_auc", "threshold_from", "tile_starts", "tsne_map",
]  # fmt: skip
