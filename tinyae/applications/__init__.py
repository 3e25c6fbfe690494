"""Applications of a trained autoencoder: maps of the data, anomaly detection, denoising, features.

The functions work with any model of the library; some accept any function. scikit-learn
(``pip install "tinyae[apps]"``) is needed only for t-SNE and for the ROC and precision-recall
curves.
"""

from tinyae.applications.anomaly import (
    detect_anomalies,
    quantile_threshold,
    reconstruction_errors,
    roc_auc,
)
from tinyae.applications.features import accuracy, encode, linear_probe, predict, stratified_subset
from tinyae.applications.maps import nearest_neighbor_accuracy, pca_autoencoder, pca_map, tsne_map
from tinyae.applications.pretraining import greedy_pretrain
from tinyae.applications.rbm import ContrastiveDivergence, make_rbm, rbm_pretrain
from tinyae.applications.tiles import denoise_tiles, random_patches, tile_starts
from tinyae.objectives.classification import classification
from tinyae.plots import decode_grid

__all__ = [
    "ContrastiveDivergence",
    "accuracy",
    "classification",
    "decode_grid",
    "denoise_tiles",
    "detect_anomalies",
    "encode",
    "greedy_pretrain",
    "linear_probe",
    "nearest_neighbor_accuracy",
    "pca_autoencoder",
    "pca_map",
    "predict",
    "quantile_threshold",
    "random_patches",
    "reconstruction_errors",
    "make_rbm",
    "rbm_pretrain",
    "roc_auc",
    "stratified_subset",
    "tile_starts",
    "tsne_map",
]
