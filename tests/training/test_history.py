import csv

import pytest

from tinyae import History


def test_csv_and_back(tmp_path):
    rows = [
        {"epoch": 1, "loss": 0.1 + 0.2, "contraction": 1e-30},
        {"epoch": 2, "loss": 1 / 3, "contraction": float("inf")},
    ]
    History(rows).to_csv(tmp_path / "log.csv")
    with open(tmp_path / "log.csv", newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert [{key: float(value) for key, value in row.items()} for row in read] == rows


def test_a_resumed_run_may_log_more(tmp_path):
    history = History([{"epoch": 1, "loss": 2.0}])
    history.append(epoch=2, loss=1.0, val_loss=3.0)
    assert history["val_loss"] == [None, 3.0] and history.columns == ["epoch", "loss", "val_loss"]
    history.to_csv(tmp_path / "log.csv")
    assert (tmp_path / "log.csv").read_text().split() == [
        "epoch,loss,val_loss",
        "1,2.0,",
        "2,1.0,3.0",
    ]


def test_an_unknown_column_is_named_with_the_known_ones():
    with pytest.raises(KeyError, match="no column 'lss', it has .*'loss'"):
        History([{"epoch": 1, "loss": 2.0}])["lss"]


def test_empty(tmp_path):
    assert len(History()) == 0 and repr(History()) == "History(no epochs yet)"
    History().to_csv(tmp_path / "log.csv")
    assert (tmp_path / "log.csv").read_text().strip() == "epoch,loss"
    with pytest.raises(FileNotFoundError, match="the folder .*nowhere does not exist"):
        History().to_csv(tmp_path / "nowhere" / "log.csv")


def test_repr():
    assert (
        repr(History([{"epoch": 1, "loss": 1 / 3}]))
        == "History(1 epochs; last: epoch 1  loss 0.33333)"
    )
