"""Detectors of faces: MTCNN, RetinaFace, and facenet-pytorch's MTCNN for comparison."""
