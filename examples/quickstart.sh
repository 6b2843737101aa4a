#!/bin/sh
# Set trtkit up in this checkout and do its main job once: run ResNet-18 on a photograph under ONNX Runtime and under
# ONNX's reference evaluator, and compare their outputs. Exits 0 where they agree. Needs Python 3.10 or newer.
#
#     sh examples/quickstart.sh
#
# Everything goes into the checkout: the virtual environment .venv (VENV= names another one, PYTHON= the interpreter to
# make it with) and the model models/ResNet-18.onnx. A second run finds both and is quick.

set -eu
cd "$(dirname "$0")/.."
. examples/venv.sh

venv=${VENV:-.venv}
make_venv "$venv"
install_checkout "$venv" examples
[ -f models/ResNet-18.onnx ] || show "$venv/bin/python" examples/resnet/make_model.py
show "$venv/bin/trtkit" run models/ResNet-18.onnx --onnxrt --onnxref \
    --data-loader-script examples/resnet/generate_data.py
