# Made once: the generations after the first have the account with the site.
resource "core_random_password" "admin" {
  count       = local.is_clone ? 0 : 1
  length      = 20
  min_lower   = 2
  min_upper   = 2
  min_numeric = 2
  min_special = 2

  # Moodle takes any character; people have to type these.
  override_special = "-_.!"
}

locals {
  admin_password = coalesce(
    var.admin.password,
    try(generation.previous.admin_password, null),
    one(core_random_password.admin[*].result),
  )

  dbtype = local.database.dbtype

  wwwroot = generation.role == "staging" ? coalesce(var.staging_wwwroot, var.wwwroot) : var.wwwroot

  # What must not start Moodle reads this: health checks, the installer, backups.
  site = {
    dbtype      = local.dbtype
    dbhost      = "db"
    dbport      = local.database.port
    dbname      = "moodle"
    dbuser      = "moodle"
    dbpass_file = "/run/secrets/db_password"
    prefix      = "mdl_"
    dataroot    = "/var/moodledata"
    dirroot     = var.docroot == "" ? "/var/www/html" : "/var/www/html/${var.docroot}"
  }

  config = <<-PHP
    <?php
    // Made by mprov from the site's configuration: changes here are undone by the next apply.
    unset($CFG);
    global $CFG;
    $CFG = new stdClass();
    $CFG->dbtype    = '${local.dbtype}';
    $CFG->dblibrary = 'native';
    $CFG->dbhost    = 'db';
    $CFG->dbname    = 'moodle';
    $CFG->dbuser    = 'moodle';
    $CFG->dbpass    = rtrim((string) file_get_contents('/run/secrets/db_password'), "\r\n");
    $CFG->prefix    = 'mdl_';
    $CFG->dboptions = [
        'dbpersist' => false,
        'dbport'    => ${local.database.port},
        'dbsocket'  => '',
    %{if local.dbtype != "pgsql"~}
        'dbcollation' => 'utf8mb4_unicode_ci',
    %{endif~}
    ];
    $CFG->wwwroot       = '${local.wwwroot}';
    $CFG->dataroot      = '/var/moodledata';
    $CFG->localcachedir = '/var/localcache';
    $CFG->admin         = 'admin';
    $CFG->directorypermissions = 02770;
    %{if startswith(local.wwwroot, "https:")~}
    $CFG->sslproxy      = true;
    %{endif~}
    $CFG->disableupdateautodeploy = true;
    $CFG->disableupdatenotifications = true;
    $CFG->preventexecpath = true;
    $CFG->pathtogs      = '/usr/bin/gs';
    $CFG->pathtophp     = '/usr/bin/php';
    %{if generation.role == "staging"~}
    // A copy for looking at: it must not act on anybody's behalf.
    $CFG->noemailever   = true;
    $CFG->nosmsever     = true;
    $CFG->cron_enabled  = 0;
    $CFG->sessioncookie = 'staging';
    %{endif~}
    $mprov_root = is_file('/var/www/html/public/version.php') ? '/var/www/html/public' : '/var/www/html';
    require_once($mprov_root . '/lib/setup.php');
  PHP

  php_ini = join("", [for name, value in var.php : "${name} = ${value}\n"])

  # The same in every container that runs the code.
  files = {
    "/etc/moodle/config.php" = { content = local.config, mode = "0640", gid = 33 }
    "/etc/moodle/site.json"  = { content = jsonencode(local.site), mode = "0640", gid = 33 }
    "/etc/moodle/php.ini"    = { content = local.php_ini, mode = "0644", gid = 0 }
  }
}

resource "docker_container" "web" {
  name    = "${local.name}-web"
  image   = var.image
  restart = "unless-stopped"
  memory  = var.web.memory

  # Requests that are under way are finished before it stops.
  stop_timeout = 60

  env = {
    MODE          = var.web.mode
    MPROV_WORKERS = tostring(var.web.workers)
  }

  dynamic "file" {
    for_each = local.files
    content {
      path    = file.key
      content = file.value.content
      mode    = file.value.mode
      gid     = file.value.gid
    }
  }

  secret {
    name    = "db_password"
    content = core_random_password.database.result
    mode    = "0640"
    gid     = 33
  }

  mount {
    type   = "bind"
    source = host_directory.files.absolute_path
    target = "/var/moodledata"
  }

  network {
    name    = docker_network.site.name
    aliases = ["web"]
  }

  network {
    name    = var.proxy_network
    aliases = generation.role == "staging" ? ["${local.name}-web", "${var.name}-staging-web"] : ["${local.name}-web"]
  }

  healthcheck {
    test     = ["CMD", "/usr/local/bin/healthcheck"]
    interval = "10s"
    timeout  = "10s"
    retries  = 6
  }

  # It is healthy only when Moodle is installed, which is the next step.
  wait = false

  depends_on = [docker_container.database]
}
