"""Cinder's side of the rig: a volume is a sparse file, which Nova's side makes a loop device of.

Copies keep holes and share blocks where the file system can, so that gigabytes cost nothing.
"""

import os
import subprocess

from cinder import interface
from cinder.volume import driver

FOLDER = os.environ.get("RIG_VOLUMES", "/volumes")
GIB = 1 << 30


def path_of(thing):
    return os.path.join(FOLDER, thing.id)


def copy(source, target, size=None):
    subprocess.check_call(["cp", "--sparse=always", "--reflink=auto", source, target])
    if size:
        os.truncate(target, size * GIB)


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


@interface.volumedriver
class FileDriver(driver.VolumeDriver):
    VERSION = "1"

    def do_setup(self, context):
        os.makedirs(FOLDER, exist_ok=True)

    def check_for_setup_error(self):
        pass

    def create_volume(self, volume):
        with open(path_of(volume), "w") as file:
            file.truncate(volume.size * GIB)

    def delete_volume(self, volume):
        remove(path_of(volume))

    def create_snapshot(self, snapshot):
        copy(os.path.join(FOLDER, snapshot.volume_id), path_of(snapshot))

    def delete_snapshot(self, snapshot):
        remove(path_of(snapshot))

    def create_volume_from_snapshot(self, volume, snapshot):
        copy(path_of(snapshot), path_of(volume), volume.size)

    def create_cloned_volume(self, volume, source):
        copy(path_of(source), path_of(volume), volume.size)

    def clone_image(self, context, volume, location, meta, service):
        """The bytes of the image, as they are, at the beginning of the volume."""
        self.create_volume(volume)
        with open(path_of(volume), "r+b") as file:
            service.download(context, meta["id"], file)
        os.truncate(path_of(volume), volume.size * GIB)
        return {}, True

    def extend_volume(self, volume, new_size):
        os.truncate(path_of(volume), new_size * GIB)

    def ensure_export(self, context, volume):
        pass

    def create_export(self, context, volume, connector):
        pass

    def remove_export(self, context, volume):
        pass

    def initialize_connection(self, volume, connector):
        data = {"volume_id": volume.id, "path": path_of(volume), "access_mode": "rw"}
        return {"driver_volume_type": "fake", "data": data}

    def terminate_connection(self, volume, connector, **kwargs):
        pass

    def _update_volume_stats(self):
        pool = {
            "pool_name": "files",
            "total_capacity_gb": 1000,
            "free_capacity_gb": 900,
            "reserved_percentage": 0,
            "QoS_support": False,
            "thin_provisioning_support": False,
            "multiattach": False,
        }
        self._stats = {
            "volume_backend_name": "files",
            "vendor_name": "rig",
            "driver_version": self.VERSION,
            "storage_protocol": "file",
            "pools": [pool],
        }
