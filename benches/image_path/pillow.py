"""Makes copies with Pillow as it is told to: a line with size, source and target gets the seconds."""

import sys
import time

try:
    import PIL
    from PIL import Image, features
except ImportError:
    sys.exit()

print(f"{PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}", flush=True)
for line in sys.stdin:
    size, source, target = line.rstrip("\n").split("\t")
    start = time.perf_counter()
    with Image.open(source) as image:
        # Asks the decoder for a smaller image, as its documentation advises.
        image.thumbnail((int(size), int(size)), Image.Resampling.LANCZOS)
        image.save(target, "JPEG", quality=88)
    print(time.perf_counter() - start, flush=True)
