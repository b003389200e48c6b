"""An S3 (moto's server) as long as a run against it lasts. Begun by s3-run."""

import logging
import os
import signal
import subprocess
import sys
import urllib.request

# Read when moto is imported: objects lie in files, not in memory.
os.environ["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = "4096"

from moto.server import ThreadedMotoServer  # noqa: E402

BUCKET = "eim-files"
CONTRACT = "cargo test --locked -p eim-server --test blob_store -- --ignored --exact in_a_bucket".split()


def main() -> int:
    runner, arguments = sys.argv[1], sys.argv[2:]
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        place = f"http://{host}:{port}/{BUCKET}"
        urllib.request.urlopen(urllib.request.Request(place, method="PUT"), timeout=60).close()
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "EIM_TEST_S3": place,
        }
        files = [runner, "files", "--s3", place, *arguments]
        run = subprocess.Popen(CONTRACT if arguments == ["contract"] else files, env=environment)
        signal.signal(signal.SIGTERM, lambda *_: run.terminate())
        try:
            return run.wait()
        except KeyboardInterrupt:
            return run.wait()
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
