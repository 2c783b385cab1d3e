# A complete small Moodle site on this machine: database, web server, cron and reverse proxy, each
# in a container, from images that are built here.

mprov {
  required_version = ">= 0.1"
}

variable "base" {
  type = object({
    pull   = optional(string)
    rootfs = optional(string)
  })
  description = "What all images begin with: an ordinary Debian 12 image to pull, or the tarball of a root file system made by examples/images/base/make-base."
}

variable "moodle" {
  type        = string
  description = "Folder with the Moodle source tree."
}

variable "database" {
  type        = string
  default     = "mariadb"
  description = "mariadb or postgres."
}

variable "port" {
  type        = number
  default     = 8080
  description = "Port of this machine on which the site is served."
}

variable "name" {
  type        = string
  default     = "quickstart"
  description = "Prefix of everything that is made in Docker."
}

variable "data_dir" {
  type        = string
  default     = "/var/lib/mprov/quickstart"
  description = "Where the site's data and the proxy's files lie on this machine."
}

variable "size" {
  type        = string
  default     = "20G"
  description = "How much the site's volumes may hold. The file takes the room of what is in it."
}

variable "php" {
  type        = map(string)
  default     = {}
  description = "Settings of php.ini."
}

variable "settings" {
  type        = map(string)
  default     = {}
  description = "Moodle's settings."
}

# What the code says of itself, read as text.
data "moodle_requirements" "code" {
  path = var.moodle
}

# A plugin that does not go with this release is refused here, before anything is done.
data "moodle_plugins" "code" {
  path    = var.moodle
  branch  = data.moodle_requirements.code.branch
  version = data.moodle_requirements.code.version
}

# A filesystem on which volumes are cloned in a moment, here in a file; a device will do as well.
resource "host_filesystem" "site" {
  image = "${var.data_dir}/site.btrfs"
  size  = var.size
  type  = "btrfs"
  path  = "${var.data_dir}/site"
}

module "proxy" {
  source    = "mprov:proxy/caddy"
  name      = "${var.name}-proxy"
  image     = docker_image.proxy.id
  data_dir  = "${var.data_dir}/proxy"
  http_port = var.port
}

provider "proxy" {
  admin     = module.proxy.admin
  state_dir = module.proxy.state_dir
}

module "moodle" {
  source        = "mprov:moodle/small"
  name          = var.name
  wwwroot       = "http://localhost:${var.port}"
  image         = docker_image.app.id
  release       = data.moodle_requirements.code.release
  plugins       = { for p in data.moodle_plugins.code.plugins : p.component => p.version if p.standard == false }
  docroot       = data.moodle_requirements.code.docroot
  database      = { engine = var.database, image = docker_image.database.id }
  data_dir      = host_filesystem.site.absolute_path
  proxy_network = module.proxy.network
  full_name     = "Quick start"
  admin         = { email = "admin@example.invalid" }
  php           = var.php
  settings      = var.settings

  # New code is a new generation of the site: rehearsed on a clone, then switched to.
  rollout {
    on = [release, image, plugins]
  }
}

resource "proxy_server" "site" {
  public_http_port = module.proxy.http_port
}

resource "proxy_route" "site" {
  hostname    = "localhost"
  upstream    = module.moodle.upstream
  tls         = "off"
  health_path = "/mprov-health"

  # A switch that is over in that time is waited for; for a longer one users see a page.
  pause = "30s"

  # The site is healthy only when Moodle is installed.
  depends_on = [proxy_server.site, module.moodle]
}

output "url" {
  value      = module.moodle.url
  depends_on = [proxy_route.site]
}

output "admin_user" {
  value = module.moodle.admin_user
}

output "admin_password" {
  value     = module.moodle.admin_password
  sensitive = true
}

output "release" {
  value = module.moodle.release
}
