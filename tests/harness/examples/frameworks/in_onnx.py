"""Conv and ConvTranspose of ONNX Runtime, with a session for each shape, as attributes are fixed."""

from functools import lru_cache

from onnx import TensorProto, helper
from onnxruntime import InferenceSession, SessionOptions


@lru_cache(maxsize=1000)
def session(node, shapes, **attributes):
    names = ["x", "ftr", "bias"][: len(shapes)]
    of = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in zip(names, shapes)]
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, [None] * 4)
    graph = helper.make_graph([helper.make_node(node, names, ["z"], **attributes)], node, of, [z])
    opsets = [helper.make_opsetid("", 21)]
    options = SessionOptions()
    options.intra_op_num_threads = 1
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])


def run(node, x, ftr, bias, strd, padding, dilation, groups, **others):
    arrays = [each for each in (x, ftr, bias) if each is not None]
    (top, bottom), (left, right) = padding
    own = session(
        node,
        tuple(each.shape for each in arrays),
        strides=strd,
        pads=(top, left, bottom, right),
        dilations=dilation,
        group=groups,
        **others,
    )
    return own.run(None, dict(zip(["x", "ftr", "bias"], arrays)))[0]


def conv(x, ftr, strd, padding, dilation, groups, bias):
    return run("Conv", x, ftr, bias, strd, padding, dilation, groups)


def conv_transpose(x, ftr, strd, padding, dilation, groups, bias, output_padding=(0, 0)):
    more = {"output_padding": output_padding}
    return run("ConvTranspose", x, ftr, bias, strd, padding, dilation, groups, **more)
