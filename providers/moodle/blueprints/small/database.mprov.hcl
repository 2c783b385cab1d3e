# A generation has a password of its own: that of another one opens nothing here.
resource "core_random_password" "database" {
  length  = 32
  special = false
}

locals {
  databases = {
    mariadb = {
      dbtype = "mariadb"
      port   = 3306
      target = "/var/lib/mysql"
      prefix = "MARIADB"
    }
    postgres = {
      dbtype = "pgsql"
      port   = 5432
      target = "/var/lib/postgresql/data"
      prefix = "POSTGRES"
    }
  }
  database = local.databases[var.database.engine]
  identity = "${var.name}/${generation.id}/${core_random_id.identity.hex}"
}

resource "docker_container" "database" {
  name    = "${local.name}-db"
  image   = var.database.image
  restart = "unless-stopped"
  memory  = var.database.memory

  # Where a clone copies file by file, nothing may write to what it copies; so it waits, stopped, for
  # a way back.
  stopped = generation.role == "previous" ? !host_volume.site.one_instant : false

  # A database that is killed before it has written everything down recovers, but slowly.
  stop_timeout = 120

  env = {
    "${local.database.prefix}_DATABASE" = "moodle"
    "${local.database.prefix}_USER"     = "moodle"
    MPROV_IDENTITY                      = local.identity
  }

  secret {
    name    = "db_password"
    content = core_random_password.database.result
  }

  mount {
    type   = "bind"
    source = host_directory.database.absolute_path
    target = local.database.target
  }

  network {
    name    = docker_network.site.name
    aliases = ["db"]
  }

  healthcheck {
    test     = ["CMD", "/usr/local/bin/healthcheck"]
    interval = "2s"
    timeout  = "10s"
    retries  = 60
  }
}
