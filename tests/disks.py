"""Small disks of their own, to be filled up; needs Linux, and the right to mount."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


class Disk:
    """A file system in memory, of a few megabytes."""

    def __init__(self, folder: Path, size: str) -> None:
        self.folder = folder
        folder.mkdir()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "album-test", folder],
            check=True,
            capture_output=True,
        )

    def fill(self, leave: int = 0) -> None:
        """Leave so many bytes free, rounded down to pages."""
        with (self.folder / "ballast").open("ab", buffering=0) as file:
            free = shutil.disk_usage(self.folder).free - leave
            try:
                while free > 0:
                    free -= file.write(bytes(min(free, 1 << 16)))
            except OSError:
                pass

    def free(self) -> None:
        (self.folder / "ballast").unlink(missing_ok=True)

    def make_read_only(self) -> None:
        self._remount("ro")

    def make_writable(self) -> None:
        self._remount("rw")

    def _remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", self.folder], check=True)

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)


def new_disk(folder: Path, size: str) -> Disk:
    """Mount a disk, or skip the test with the reason."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs Linux and root")
    try:
        return Disk(folder, size)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk can't be mounted here: {error}")


@pytest.fixture
def disk(tmp_path):
    made = new_disk(tmp_path / "disk", "4m")
    yield made
    made.close()
