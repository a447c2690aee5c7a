#!/bin/sh
# Judge PyTorch's own convolutions on a GPU, in a few minutes:  tests/bench/gpu.sh [FOLDER]
#
# Needs convcheck, and a build of PyTorch for the GPU, in the environment of `python`.  Reports go
# to FOLDER (default: .).  Exit status 0 means that every verdict was the expected one.
#
# TF32 rounds the factors of float32 products to 11 bits, so that a kernel that uses it and declares
# nothing has to be told; one that does not has to conform.  FFT and Winograd algorithms, which
# cuDNN may choose, are declared by accuracy=normwise.
set -u
out=${1:-.}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/on_gpu.py" <<'PY'
import torch
from torch.nn.functional import conv2d

torch.backends.cudnn.deterministic = True
torch.backends.cudnn.benchmark = False


def exact(*arguments):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return conv2d(*arguments)


def tf32(*arguments):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    return conv2d(*arguments)


def by_stride(kernel):
    return lambda x, ftr, strd: kernel(x, ftr, None, strd)


exact, tf32 = by_stride(exact), by_stride(tf32)
PY
python -c 'import torch; print(torch.__version__, torch.cuda.get_device_name())' || exit 4

failed=0
# judge NAME EXPECTED FUNCTION,DECLARED
judge() {
    timeout 150 python -m convcheck check \
        "convolution=$work/on_gpu.py:$3,tensors=NCHW,filters=OIHW,arrays=torch,device=cuda" \
        --hypothesis-profile quick -n 0 --json "$out/gpu-$1.json" > "$out/gpu-$1.txt" 2>&1
    status=$?
    tail -n 4 "$out/gpu-$1.txt"
    if [ "$status" -eq "$2" ]; then
        echo "$1: as expected, exit status $status"
    else
        echo "$1: exit status $status, expected $2; see $out/gpu-$1.txt"
        failed=1
    fi
}

judge float32 0 exact,dtypes=float32,accuracy=normwise
judge float16 0 exact,dtypes=float16,sums=float32,accuracy=normwise
judge bfloat16 0 exact,dtypes=bfloat16,sums=float32,accuracy=normwise
judge tf32 1 tf32,dtypes=float32
exit $failed
