"""Conv and ConvTranspose of ONNX Runtime: a session for each shape, as attributes are fixed."""

from functools import lru_cache

from onnx import TensorProto, helper
from onnxruntime import InferenceSession, SessionOptions


@lru_cache(maxsize=1000)
def session(node, shapes, **attributes):
    x = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes]
    z = [helper.make_tensor_value_info("z", TensorProto.FLOAT, [None] * 4)]
    layer = helper.make_node(node, [name for name, _ in shapes], ["z"], **attributes)
    opsets = [helper.make_opsetid("", 21)]
    graph = helper.make_graph([layer], node, x, z)
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    options = SessionOptions()
    options.intra_op_num_threads = 1
    return InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])


def run(node, arrays, strd, padding, dilation, groups, **others):
    given = {name: each for name, each in arrays.items() if each is not None}
    (top, bottom), (left, right) = padding
    own = session(
        node,
        tuple((name, each.shape) for name, each in given.items()),
        strides=tuple(strd),
        pads=(top, left, bottom, right),
        dilations=dilation,
        group=groups,
        **others,
    )
    return own.run(None, given)[0]


def conv(x, ftr, strd, padding, dilation, groups, bias):
    return run("Conv", {"x": x, "ftr": ftr, "bias": bias}, strd, padding, dilation, groups)


def conv_transpose(x, ftr, strd, padding, dilation, groups, bias, output_padding=(0, 0)):
    arrays = {"x": x, "ftr": ftr, "bias": bias}
    more = {"output_padding": output_padding}
    return run("ConvTranspose", arrays, strd, padding, dilation, groups, **more)
