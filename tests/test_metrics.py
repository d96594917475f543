"""The measures: against known distributions, and against the packages that have them, where installed."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cgan.errors import DataError
from train.judge import cache as feature_cache
from train.judge import metrics
from train.judge.metrics import frechet, kernel_distance, prdc
from train.teachers import networks as teachers


def gaussian(count, features, seed, mean=0.0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, features, generator=generator, dtype=torch.float64) * scale + mean


def test_frechet_of_known_gaussians():
    """Independent features: |difference of means|² + the sum of (σ - τ)²."""
    a, b = gaussian(60_000, 4, 0), gaussian(60_000, 4, 1, mean=0.5, scale=3.0)
    assert frechet(a, b) == pytest.approx(4 * 0.25 + 4 * 4, rel=0.02)


def test_frechet_of_equal_sets_is_zero_both_ways():
    assert frechet(gaussian(50, 8, 0), gaussian(50, 8, 0)) == pytest.approx(0, abs=1e-9)
    assert frechet(gaussian(5, 80, 0), gaussian(5, 80, 0)) == pytest.approx(0, abs=1e-9)


def test_frechet_by_samples_equals_frechet_by_features():
    """The N × M way against the F × F way, on features padded with zeros so that either is taken."""
    a, b = (
        gaussian(30, 20, 0),
        gaussian(25, 20, 1, mean=0.3) @ torch.diag(torch.linspace(0.5, 2, 20).double()),
    )
    wide = [torch.cat([x, torch.zeros(len(x), 20, dtype=torch.float64)], 1) for x in (a, b)]
    assert frechet(a, b) == pytest.approx(frechet(*wide), rel=1e-6)
    product = torch.cov(a.T) @ torch.cov(b.T)
    trace = torch.linalg.eigvals(product).real.clamp(min=0).sqrt().sum()
    expected = (
        (a.mean(0) - b.mean(0)).square().sum() + torch.cov(a.T).trace() + torch.cov(b.T).trace() - 2 * trace
    )
    assert frechet(a, b) == pytest.approx(expected.item(), rel=1e-6)


def test_kernel_distance_is_about_zero_for_one_distribution_and_grows():
    same = kernel_distance(gaussian(400, 16, 0), gaussian(400, 16, 1))
    other = kernel_distance(gaussian(400, 16, 0), gaussian(400, 16, 1, mean=0.5))
    assert abs(same) < 0.03 < other


def test_prdc_of_one_distribution():
    """Density about 1 and coverage about 1 - 2^-k (Naeem et al. 2020)."""
    scores = prdc(gaussian(1500, 4, 0), gaussian(1500, 4, 1), k=3)
    assert scores["density"] == pytest.approx(1, abs=0.05)
    assert scores["coverage"] == pytest.approx(1 - 2**-3, abs=0.03)
    assert scores["precision"] > 0.9 and scores["recall"] > 0.9


def test_prdc_tells_collapse_from_strangeness():
    real = gaussian(400, 8, 0)
    collapsed = prdc(gaussian(400, 8, 1, scale=0.1), real)
    assert collapsed["precision"] == 1 and collapsed["recall"] < 0.1 and collapsed["coverage"] < 0.3
    far = prdc(gaussian(400, 8, 1, mean=10), real)
    assert far == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}
    wide = prdc(gaussian(400, 8, 1, scale=5), real)
    assert wide["precision"] < 0.1 and wide["recall"] == 1


def test_prdc_by_hand():
    """On a line, k = 1: real balls of radius 1 at 0 and 1 and of 9 at 10; fakes at 0.5 and -3, radius 3.5."""
    real, fake = torch.tensor([[0.0], [1.0], [10.0]]), torch.tensor([[0.5], [-3.0]])
    scores = prdc(fake, real, k=1)
    assert scores["precision"] == 0.5  # -3 lies in no ball, 0.5 in the first two, and 9.5 from the third
    assert scores["recall"] == pytest.approx(2 / 3)
    assert scores["density"] == 1.0 and scores["coverage"] == pytest.approx(2 / 3)


def test_few_samples_leave_scores_out():
    few, many = gaussian(4, 8, 0), gaussian(20, 8, 1)
    assert metrics.set_scores(None, many) == {} == metrics.set_scores(few[:1], many)
    assert set(metrics.set_scores(few, many)) == {"frechet", "frechet_interval", "kid"}
    assert set(metrics.set_scores(many, many + 1)) > {"precision", "recall", "density", "coverage"}


def test_interval_holds_the_value_and_narrows_with_more_samples():
    values = gaussian(400, 1, 0, mean=5.0).numpy()[:, 0]
    widths = []
    for count in (20, 400):
        part = values[:count]
        low, high = metrics.interval(lambda drawn, part=part: part[drawn].mean(), count, float(part.mean()))
        assert low < part.mean() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


# Against the packages. None of them is required; `pip install torchmetrics torch-fidelity prdc` for these.


@pytest.fixture(params=[(40, 40, 64), (90, 90, 16), (30, 70, 64)], ids=str)
def sets(request):
    """Features as networks give them: positive, skewed; more of them than pictures, and fewer."""
    n, m, features = request.param
    mix = gaussian(features, features, 2) / features**0.5
    return (gaussian(n, features, 0) @ mix).relu(), (gaussian(m, features, 1, 0.2) @ mix * 1.2).relu()


def test_frechet_and_kid_are_torchmetrics(sets):
    image = pytest.importorskip("torchmetrics.image")

    class Identity(torch.nn.Module):
        num_features = sets[0].shape[1]

        def forward(self, x):
            return x

    fake, real = sets
    theirs = image.FrechetInceptionDistance(Identity(), normalize=True).set_dtype(torch.float64)
    theirs.update(real, real=True)
    theirs.update(fake, real=False)
    assert frechet(fake, real) == pytest.approx(theirs.compute().item(), rel=1e-5)
    if len(fake) == len(real):
        kid = image.KernelInceptionDistance(Identity(), subsets=1, subset_size=len(real), normalize=True)
        kid.update(real, real=True)
        kid.update(fake, real=False)
        assert kernel_distance(fake, real) == pytest.approx(kid.compute()[0].item(), rel=1e-6)


def test_frechet_kid_precision_and_recall_are_torch_fidelitys(sets):
    pytest.importorskip("torch_fidelity")
    from torch_fidelity import metric_fid, metric_kid, metric_prc

    fake, real = sets
    theirs = metric_fid.fid_statistics_to_metric(
        *(metric_fid.fid_features_to_statistics(x) for x in sets), False
    )
    assert frechet(fake, real) == pytest.approx(theirs["frechet_inception_distance"], rel=1e-5)
    ours = prdc(fake, real)
    theirs = metric_prc.prc_features_to_metric(fake, real, prc_neighborhood=5, verbose=False)
    assert [ours["precision"], ours["recall"]] == pytest.approx([theirs["precision"], theirs["recall"]])
    if len(fake) == len(real):
        theirs = metric_kid.kid_features_to_metric(
            fake, real, kid_subsets=1, kid_subset_size=len(real), verbose=False
        )
        mean = theirs["kernel_inception_distance_mean"]
        assert kernel_distance(fake, real) == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize("k", [3, 5, 10])
def test_prdc_is_the_authors(sets, k):
    theirs = pytest.importorskip("prdc").compute_prdc(sets[1].numpy(), sets[0].numpy(), k)
    ours = prdc(*sets, k)
    assert ours == {name: pytest.approx(float(value)) for name, value in theirs.items()}


def test_inception_is_torch_fidelitys(monkeypatch):
    """With drawn weights, as nothing is downloaded by a test."""
    library = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    kind = library.FeatureExtractorInceptionV3
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *arguments, **options: {})
    monkeypatch.setattr(library, "load_state_dict_from_url", lambda *arguments, **options: {})
    monkeypatch.setattr(kind, "load_state_dict", lambda self, state: None)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    network = teachers.inception()
    images = torch.rand(2, 3, 32, 48) * 2 - 1
    features = network(images)
    assert network.name == "FID" and features.shape == (2, 2048) and features.isfinite().all()
    pixels = ((images + 1) * 127.5).round().byte()
    assert torch.equal(features, network.body(pixels)[0])


def test_inception_is_refused_offline(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(DataError, match="HF_HUB_OFFLINE|torch-fidelity is not installed"):
        teachers.inception()


# Maps


def test_map_scores_by_hand():
    labels = torch.tensor([[[0, 0, 1, 1], [2, 2, 2, 2]]])
    found = torch.tensor([[[0, 1, 1, 1], [0, 0, 2, 2]]])
    counts = metrics.confusion(found, labels, 4)
    assert counts[0].tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [2, 0, 2, 0], [0, 0, 0, 0]]
    row = metrics.map_scores(counts, [0, 1, 2, 3])
    assert row["accuracy"] == pytest.approx(5 / 8)
    assert row["miou"] == pytest.approx((1 / 4 + 2 / 3 + 2 / 4) / 3)  # class 3 does not occur
    judged = metrics.map_scores(counts, [0, 1])
    assert judged["accuracy"] == pytest.approx(3 / 4) and judged["miou"] == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_segmenter_reads_torchvisions_weights(tmp_path):
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large

    body = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=5).eval()
    save_file(body.state_dict(), tmp_path / "five.safetensors")
    segmenter = teachers.segmenter(tmp_path / "five.safetensors", 5)
    images = torch.rand(2, 3, 32, 48) * 2 - 1
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in (teachers.IMAGENET_MEAN, teachers.IMAGENET_STD))
    expected = body(((images + 1) / 2 - mean) / std)["out"]
    labels = segmenter(images)
    assert labels.shape == (2, 32, 48)
    assert (labels == expected.argmax(1)).double().mean() > 0.999  # but for ties in the last bit
    with pytest.raises(DataError, match="knows 5 classes; the checkpoint 6"):
        teachers.segmenter(tmp_path / "five.safetensors", 6)
    save_file({"classifier.low_classifier.weight": torch.zeros(5, 1, 1, 1)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match="not the weights"):
        teachers.segmenter(tmp_path / "other.safetensors", 5)
    save_file({"x": torch.zeros(5)}, tmp_path / "none.safetensors")
    with pytest.raises(DataError, match="no LR-ASPP"):
        teachers.segmenter(tmp_path / "none.safetensors", 5)


# The cache


@pytest.fixture
def network(monkeypatch, tmp_path):
    monkeypatch.setenv("CGAN_CACHE", str(tmp_path / "cache"))
    return torch.nn.Linear(3, 2)


def counted(network, pictures, size=(8, 8)):
    """(features, how often they were computed, what was said)."""
    calls, said = [], []

    def compute():
        calls.append(1)
        return pictures.float().mean((2, 3))

    return feature_cache.cached(network, pictures, size, compute, said.append), len(calls), said


def test_features_are_computed_once(network):
    pictures = torch.randint(256, (4, 3, 8, 8), dtype=torch.uint8)
    first, calls, _ = counted(network, pictures)
    again, more, said = counted(network, pictures)
    assert (calls, more, said) == (1, 0, []) and torch.equal(first, again)


def test_features_are_computed_anew_for_other_pixels_sizes_and_weights(network):
    pictures = torch.randint(256, (4, 3, 8, 8), dtype=torch.uint8)
    counted(network, pictures)
    other = pictures.clone()
    other[3, 0, 0, 0] ^= 1
    assert counted(network, other)[1] == 1
    assert counted(network, pictures.flip(0))[1] == 1
    assert counted(network, pictures, (4, 4))[1] == 1
    with torch.no_grad():
        network.weight[0, 0] += 1
    assert counted(network, pictures)[1] == 1


@pytest.mark.parametrize("damage", ["cut", "other", "short", "nan"])
def test_damaged_files_are_computed_anew(network, damage):
    pictures = torch.randint(256, (4, 3, 8, 8), dtype=torch.uint8)
    counted(network, pictures)
    (path,) = feature_cache.folder().glob("*.safetensors")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    elif damage == "other":
        save_file({"x": torch.zeros(1)}, path)
    else:
        save_file({"features": torch.full((3 + (damage == "nan"), 3), float("nan"))}, path)
    features, calls, said = counted(network, pictures)
    assert calls == 1 and len(said) == 1 and "damaged" in said[0]
    assert counted(network, pictures)[1:] == (0, [])
    assert np.allclose(features, pictures.float().mean((2, 3)))


def test_a_disk_that_cannot_be_written_is_no_error(network, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CGAN_CACHE", str(tmp_path / "file"))
    pictures = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    assert counted(network, pictures)[1:] == (1, [])


def test_the_longest_unused_files_go(network, monkeypatch):
    monkeypatch.setattr(feature_cache, "KEPT", 2)
    for value in range(4):
        counted(network, torch.full((2, 3, 8, 8), value, dtype=torch.uint8))
    assert len(list(feature_cache.folder().glob("*.safetensors"))) == 2
