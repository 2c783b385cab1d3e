"""Nova's side of the rig: an instance is a container that runs systemd, sshd and Docker.

It gets the address and the MAC that Neutron gave its port, the key pair, the user data, and its
volumes as loop devices named as a virtio disk would be. What Nova itself has to know of an
instance is kept by its own fake driver, which this one extends.
"""

import base64
import io
import os
import subprocess
import tarfile

import docker
from nova.compute import power_state
from nova.virt import fake
from oslo_concurrency import lockutils

RIG = os.environ.get("RIG_ID", "")
IMAGE = os.environ.get("RIG_HOST_IMAGE", "")
GUEST = os.environ.get("RIG_GUEST", "/rig/guest")
# On everything that this makes in the engine, so that the tests can take it away.
LABELS = {"mprov.rig": RIG}
INSTANCE = "mprov.rig.instance"
# systemd stops in order on this signal; what does not stop in time is killed.
STOP_SIGNAL, STOP_SECONDS = "SIGRTMIN+3", 10
LOOP_MAJOR = 7


def engine():
    return docker.DockerClient(base_url="unix:///var/run/docker.sock", timeout=60)


def name_of(instance):
    return "%s-%s" % (RIG, instance.uuid)


def container_of(instance):
    return engine().containers.get(name_of(instance))


def archive(files):
    """A tarball of (path, mode, bytes)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, mode, content in files:
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def guest_file(name):
    with open(os.path.join(GUEST, name), "rb") as file:
        return file.read()


def limits(flavor):
    """Two machines' worth of virtual processors share the real ones."""
    memory = flavor.memory_mb << 20
    return {"Memory": memory, "MemorySwap": memory, "NanoCpus": int(flavor.vcpus * 5e8)}


@lockutils.synchronized("rig-networks")
def network_of(network):
    """The engine's network for one of Neutron's; made when the first instance is put on it."""
    name = "%s-%s" % (RIG, network["id"])
    client = engine()
    found = client.networks.list(names=[name])
    if found:
        return found[0]
    subnet = network["subnets"][0]
    pool = docker.types.IPAMPool(subnet=subnet["cidr"], gateway=subnet["gateway"]["address"])
    ipam = docker.types.IPAMConfig(pool_configs=[pool])
    return client.networks.create(name, driver="bridge", ipam=ipam, labels=LABELS)


def loops_of(path):
    listed = subprocess.check_output(["losetup", "-j", path, "-n", "-O", "NAME"], text=True)
    return listed.split()


def volume_path(connection_info):
    return connection_info["data"]["path"]


def serial_of(connection_info):
    """What virtio-blk shows of a volume's id: 20 bytes are all that it has."""
    return connection_info["data"]["volume_id"][:20]


def plug(container, connection_info, mountpoint):
    path = volume_path(connection_info)
    loops = loops_of(path) or [subprocess.check_output(["losetup", "-f", "--show", path], text=True).strip()]
    minor = int(loops[0].removeprefix("/dev/loop"))
    link = "/dev/disk/by-id/virtio-" + serial_of(connection_info)
    script = (
        'set -e; mkdir -p /dev/disk/by-id; rm -f "$1" "$2"; mknod "$1" b %d %d; ln -s "../../${1##*/}" "$2"'
        % (LOOP_MAJOR, minor)
    )
    code, output = container.exec_run(["sh", "-c", script, "sh", mountpoint, link])
    if code != 0:
        raise RuntimeError("the device could not be made in the instance: %s" % output)


def unplug(container, connection_info, mountpoint):
    path = volume_path(connection_info)
    if container is not None and container.status == "running":
        link = "/dev/disk/by-id/virtio-" + serial_of(connection_info)
        container.exec_run(["sh", "-c", 'umount "$1"; rm -f "$1" "$2"', "sh", mountpoint, link])
    for loop in loops_of(path):
        subprocess.call(["losetup", "-d", loop])


def mappings(block_device_info):
    return (block_device_info or {}).get("block_device_mapping") or []


def create(client, instance, network, address, mac):
    api = client.api
    host = api.create_host_config(
        cap_add=["ALL"],
        cap_drop=["SYS_RESOURCE"],
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        device_cgroup_rules=["b %d:* rwm" % LOOP_MAJOR, "c *:* rwm"],
        tmpfs={"/run": "exec", "/run/lock": "", "/tmp": "exec"},
        network_mode=network.name,
    )
    # systemd writes below /sys and /proc, as on a machine of its own.
    host.update(MaskedPaths=[], ReadonlyPaths=[], CgroupnsMode="private", **limits(instance.flavor))
    endpoint = api.create_endpoint_config(ipv4_address=address)
    made = api.create_container(
        IMAGE,
        ["/usr/local/sbin/rig-init"],
        name=name_of(instance),
        hostname=instance.hostname,
        labels={**LABELS, INSTANCE: instance.uuid},
        environment={"container": "docker"},
        stop_signal=STOP_SIGNAL,
        mac_address=mac,
        volumes=["/var/lib/docker"],
        host_config=host,
        networking_config=api.create_networking_config({network.name: endpoint}),
    )
    return client.containers.get(made["Id"])


class HostDriver(fake.FakeDriver):
    def init_host(self, host):
        """The instances outlive this process."""
        super().init_host(host)
        for container in engine().containers.list(all=True, filters={"label": "mprov.rig=" + RIG}):
            uuid = container.labels.get(INSTANCE)
            if uuid:
                self._remember(container.name, uuid, container.status == "running")

    def _remember(self, name, uuid, running):
        state = power_state.RUNNING if running else power_state.SHUTDOWN
        self.instances[uuid] = fake.FakeInstance(name, state, uuid)

    def spawn(self, context, instance, image_meta, injected_files, admin_password, allocations,
              network_info=None, block_device_info=None, power_on=True, accel_info=None):
        vif = network_info[0]
        address = vif["network"]["subnets"][0]["ips"][0]["address"]
        client = engine()
        container = create(client, instance, network_of(vif["network"]), address, vif["address"])
        container.put_archive("/", archive([
            ("/root/.ssh/authorized_keys", 0o600, (instance.key_data or "").encode() + b"\n"),
            ("/var/lib/rig/user-data", 0o600, base64.b64decode(instance.user_data or "")),
            ("/usr/local/sbin/rig-init", 0o755, guest_file("init")),
            ("/usr/local/sbin/rig-first-boot", 0o755, guest_file("first-boot")),
            ("/etc/systemd/system/rig-first-boot.service", 0o644, guest_file("first-boot.service")),
        ]))
        if power_on:
            self._start(instance, block_device_info)
        super().spawn(context, instance, image_meta, injected_files, admin_password, allocations,
                      network_info, block_device_info, power_on, accel_info)

    def default_root_device_name(self, instance, image_meta, root_bdm):
        """The others are named after it."""
        return "/dev/vda"

    def _start(self, instance, block_device_info):
        container = container_of(instance)
        container.start()
        for mapping in mappings(block_device_info):
            plug(container, mapping["connection_info"], mapping["mount_device"])

    def destroy(self, context, instance, network_info, block_device_info=None,
                destroy_disks=True, destroy_secrets=True):
        try:
            container_of(instance).remove(force=True, v=True)
        except docker.errors.NotFound:
            pass
        for mapping in mappings(block_device_info):
            unplug(None, mapping["connection_info"], mapping["mount_device"])
        for vif in network_info or []:
            self._leave(vif["network"])
        super().destroy(context, instance, network_info, block_device_info, destroy_disks)

    def _leave(self, network):
        """The engine refuses as long as another instance is on it."""
        for found in engine().networks.list(names=["%s-%s" % (RIG, network["id"])]):
            try:
                found.remove()
            except docker.errors.APIError:
                pass

    def power_off(self, instance, timeout=0, retry_interval=0):
        container_of(instance).stop(timeout=STOP_SECONDS)
        super().power_off(instance, timeout, retry_interval)

    def power_on(self, context, instance, network_info, block_device_info=None, accel_info=None):
        self._start(instance, block_device_info)
        super().power_on(context, instance, network_info, block_device_info, accel_info)

    def reboot(self, context, instance, network_info, reboot_type, block_device_info=None,
               bad_volumes_callback=None, accel_info=None):
        container_of(instance).stop(timeout=STOP_SECONDS)
        self._start(instance, block_device_info)

    def attach_volume(self, context, connection_info, instance, mountpoint,
                      disk_bus=None, device_type=None, encryption=None):
        plug(container_of(instance), connection_info, mountpoint)
        super().attach_volume(context, connection_info, instance, mountpoint,
                              disk_bus, device_type, encryption)

    def detach_volume(self, context, connection_info, instance, mountpoint, encryption=None):
        unplug(container_of(instance), connection_info, mountpoint)
        super().detach_volume(context, connection_info, instance, mountpoint, encryption)

    def extend_volume(self, context, connection_info, instance, requested_size):
        for loop in loops_of(volume_path(connection_info)):
            subprocess.check_call(["losetup", "-c", loop])

    # A resize on the one node there is: off, other limits, on.

    def migrate_disk_and_power_off(self, context, instance, dest, flavor, network_info,
                                   block_device_info=None, timeout=0, retry_interval=0):
        container_of(instance).stop(timeout=STOP_SECONDS)

    def finish_migration(self, context, migration, instance, disk_info, network_info, image_meta,
                         resize_instance, allocations, block_device_info=None, power_on=True):
        self._resized(instance, block_device_info, power_on)

    def finish_revert_migration(self, context, instance, network_info, migration,
                                block_device_info=None, power_on=True):
        self._resized(instance, block_device_info, power_on)

    def _resized(self, instance, block_device_info, power_on):
        container = container_of(instance)
        api = container.client.api
        # The library's own update knows no NanoCpus.
        api._raise_for_status(api._post_json(api._url("/containers/{0}/update", container.id),
                                             data=limits(instance.flavor)))
        if power_on:
            self._start(instance, block_device_info)
        self._remember(instance.name, instance.uuid, power_on)
