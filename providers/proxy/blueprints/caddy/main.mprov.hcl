# The proxy's own folder: the saved configuration and certificates, the admin socket, what Caddy
# keeps for itself (fetched certificates), and the state files by which a switch is made.
resource "host_directory" "proxy" {
  path = var.data_dir
  mode = "0755"
}

resource "host_directory" "config" {
  path          = "${host_directory.proxy.absolute_path}/config"
  mode          = "0755"
  force_destroy = true
}

resource "host_directory" "state" {
  path          = "${host_directory.proxy.absolute_path}/state"
  mode          = "0755"
  force_destroy = true
}

# 900 is the proxy's user in the image. Whoever opens the socket in here controls every site.
resource "host_directory" "run" {
  path          = "${host_directory.proxy.absolute_path}/run"
  mode          = "0700"
  owner         = "900"
  group         = "900"
  force_destroy = true
}

resource "host_directory" "data" {
  path          = "${host_directory.proxy.absolute_path}/data"
  mode          = "0700"
  owner         = "900"
  group         = "900"
  force_destroy = true
}

# Shared with the sites' web servers, and with nothing else of theirs.
resource "docker_network" "proxy" {
  name = var.name
}

resource "docker_container" "proxy" {
  name    = var.name
  image   = var.image
  restart = "unless-stopped"
  memory  = var.memory

  # Uploads and downloads that are under way may end.
  stop_timeout = 30

  mount {
    type   = "bind"
    source = host_directory.proxy.absolute_path
    target = "/srv/proxy"
  }

  port {
    internal = 80
    external = var.http_port
    ip       = var.bind
  }

  dynamic "port" {
    for_each = var.https_port == null ? [] : [var.https_port]
    content {
      internal = 443
      external = port.value
      ip       = var.bind
    }
  }

  network {
    name = docker_network.proxy.name
  }

  healthcheck {
    test     = ["CMD", "/usr/local/bin/healthcheck"]
    interval = "2s"
    timeout  = "5s"
    retries  = 15
  }

  depends_on = [
    host_directory.config,
    host_directory.state,
    host_directory.run,
    host_directory.data,
  ]
}
