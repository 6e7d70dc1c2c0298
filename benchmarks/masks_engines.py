"""What else could give masks their gradients on a CPU: image-gradients a second, in one run.

The public ResNet-20 on real CIFAR-10 images (../shared/data or $IDBIAS_TEST_DATA), batch norm folded,
float32: cross-entropy's gradient with respect to the image, which is nearly all of a mask's step. Two
arrangements of each that is in torch: a caller for each core, or one caller whose operations share the
cores; the better counts. ONNX Runtime and OpenVINO (`pip install onnx onnxscript onnxruntime
openvino`, else left out) give no input's gradient: their forward pass is timed, and half of its rate
printed, for the backward pass has as many multiplications. Run: python benchmarks/masks_engines.py
"""

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from masks import real_case  # also finds idbias

from idbias.masks.gradients import Autograd, folded, input_gradient

BATCH = 64


def rate(work, callers, threads, seconds):
    """Return images a second of `callers` threads that call `work` for `seconds`, each on `threads`."""
    began = time.perf_counter()

    def call():
        torch.set_num_threads(threads)
        done = 0
        while time.perf_counter() < began + seconds:
            work()
            done += BATCH
        return done

    with ThreadPoolExecutor(callers) as pool:
        done = sum(pool.map(lambda _: call(), range(callers)))
    return done / (time.perf_counter() - began)


def torch_ways(classifier, images, classes):
    """Return name -> (function, whether it may use oneDNN)."""
    last = classifier.to(memory_format=torch.channels_last)
    batch = images.contiguous(memory_format=torch.channels_last)
    example = torch.linspace(0, 1, images[0].numel()).view(1, *images.shape[1:])
    engine, plain = input_gradient(classifier, example), Autograd(last)
    compiled = Autograd(torch.compile(last))
    return {
        "idbias.masks.cpu_engine": (lambda: engine(images, classes), True),
        "torch, oneDNN's choice": (lambda: plain(batch, classes), True),
        "torch without oneDNN (NNPACK or im2col)": (lambda: plain(images, classes), False),
        "torch.compile": (lambda: compiled(batch, classes), True),
    }


def forward_passes(classifier, images, cores, folder):
    """Return name -> forward pass of what reads ONNX and is installed."""
    path, found = str(Path(folder) / "classifier.onnx"), {}
    try:
        torch.onnx.export(classifier, (images,), path, dynamo=True, verbose=False)
    except Exception as error:
        print(f"no ONNX: {type(error).__name__}: {str(error).splitlines()[0]}")
        return found
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        feed = {session.get_inputs()[0].name: images.numpy()}
        found["ONNX Runtime"] = lambda: session.run(None, feed)
    except ImportError:
        print("ONNX Runtime: not installed")
    try:
        import openvino

        settings = {"INFERENCE_NUM_THREADS": cores, "INFERENCE_PRECISION_HINT": "f32"}
        model = openvino.Core().compile_model(path, "CPU", settings)
        found["OpenVINO"] = lambda: model([images.numpy()])
    except ImportError:
        print("OpenVINO: not installed")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    options = parser.parse_args()
    classifier, images, classes = real_case(BATCH)
    classifier = folded(classifier, images[:1])
    ways = torch_ways(classifier, images, classes)
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        forward = forward_passes(classifier, images, options.cores, folder)
        for _ in range(options.rounds):
            for name, (work, onednn) in ways.items():
                with torch.backends.mkldnn.flags(enabled=onednn):
                    work()  # compiles
                    best = max(
                        rate(work, *arrangement, options.seconds)
                        for arrangement in ((options.cores, 1), (1, options.cores))
                    )
                rates.setdefault(name, []).append(best)
            for name, work in forward.items():
                half = rate(work, 1, options.cores, options.seconds) / 2
                rates.setdefault(f"{name}, half its forward pass", []).append(half)
    engine = rates["idbias.masks.cpu_engine"]
    print(f"{'':44}{'images/s':>10}{'of the engine':>15}")
    for name, values in rates.items():
        share = statistics.median(a / b for a, b in zip(values, engine, strict=True))
        print(f"{name:44}{statistics.median(values):10.0f}{share:15.0%}")


if __name__ == "__main__":
    main()
