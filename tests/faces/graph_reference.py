"""Runs mediapipe's own graphs on a picture and prints what they find, as the reference of test_parity.py.

    python graph_reference.py PICTURE.npy THRESHOLD

A process of its own, for the package's import takes long, prints, and starts threads. Its solutions ask for matplotlib
and jax when they are imported whole; only the graph bindings are needed here.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

DETECTION = """input_stream:"image" output_stream:"detections"
node { calculator:"FaceDetection" input_stream:"IMAGE:image" output_stream:"DETECTIONS:detections"
 node_options { [type.googleapis.com/mediapipe.FaceDetectionOptions] {
  model_path:"mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite"
  tensor_width:192 tensor_height:192 num_layers:1 strides:4 interpolated_scale_aspect_ratio:0.0 num_boxes:2304
  x_scale:192.0 y_scale:192.0 h_scale:192.0 w_scale:192.0 min_score_thresh:%g delegate { xnnpack {} } } } }"""
LANDMARKS = """input_stream:"image" input_stream:"roi" output_stream:"lm"
node { calculator:"ConstantSidePacketCalculator" output_side_packet:"PACKET:0:wa"
 node_options { [type.googleapis.com/mediapipe.ConstantSidePacketCalculatorOptions] { packet { bool_value: false } } } }
node { calculator:"FaceLandmarkCpu" input_stream:"IMAGE:image" input_stream:"ROI:roi"
 input_side_packet:"WITH_ATTENTION:wa" output_stream:"LANDMARKS:lm" }"""


def reference(image: Any, threshold: float) -> dict[str, Any]:
    """Rows of 17 numbers as BlazeFace gives them, and per row the landmarks in the window of box and eyes (or null)."""
    import mediapipe as mp
    from mediapipe.framework.formats import rect_pb2
    from mediapipe.python import packet_creator, packet_getter
    from mediapipe.python._framework_bindings import resource_util

    resource_util.set_resource_dir(str(Path(mp.__file__).parents[1]))
    height, width = image.shape[:2]
    found: list[Any] = []
    graph = mp.CalculatorGraph(graph_config=DETECTION % threshold)
    graph.observe_output_stream("detections", lambda _, p: found.extend(packet_getter.get_proto_list(p)))
    graph.start_run()
    frame = packet_creator.create_image_frame(data=image, image_format=mp.ImageFormat.SRGB)
    graph.add_packet_to_input_stream("image", frame.at(1))
    graph.wait_until_idle()
    rows = []
    for d in found:
        b = d.location_data.relative_bounding_box
        points = [v for p in d.location_data.relative_keypoints for v in (p.x * width, p.y * height)]
        rows.append([b.xmin * width, b.ymin * height, b.width * width, b.height * height, d.score[0], *points])

    out: list[Any] = []
    mesh = mp.CalculatorGraph(graph_config=LANDMARKS)
    mesh.observe_output_stream("lm", lambda _, p: out.append(packet_getter.get_proto(p)))
    mesh.start_run()
    landmarks: list[Any] = []
    for i, row in enumerate(rows):
        x, y, w, h = row[:4]
        side, angle = 1.5 * max(w, h), math.atan2(row[8] - row[6], row[7] - row[5])
        rect = rect_pb2.NormalizedRect(
            x_center=(x + w / 2) / width,
            y_center=(y + h / 2) / height,
            width=side / width,
            height=side / height,
            rotation=angle,
        )
        out.clear()
        mesh.add_packet_to_input_stream("image", frame.at(i + 1))
        mesh.add_packet_to_input_stream("roi", packet_creator.create_proto(rect).at(i + 1))
        mesh.wait_until_idle()
        landmarks.append([[p.x * width, p.y * height, p.z * width] for p in out[0].landmark] if out else None)
    return {"rows": rows, "landmarks": landmarks}


if __name__ == "__main__":
    picture = np.load(sys.argv[1])
    print(json.dumps(reference(np.ascontiguousarray(picture), float(sys.argv[2]))))  # noqa: T201 - its answer
