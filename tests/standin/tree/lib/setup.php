<?php
// Imitates Moodle's lib/setup.php (and, in few lines, lib/setuplib.php and lib/moodlelib.php):
// what happens between config.php and the first line of a page or a command.

define('MOODLE_INTERNAL', true);
define('MATURITY_STABLE', 200);
defined('CLI_SCRIPT') || define('CLI_SCRIPT', false);
defined('NO_MOODLE_COOKIES') || define('NO_MOODLE_COOKIES', CLI_SCRIPT);

if (CLI_SCRIPT && PHP_SAPI !== 'cli') {
    http_response_code(403);
    exit("Command line scripts can not be executed from the web.\n");
}
if (!CLI_SCRIPT && PHP_SAPI === 'cli') {
    fwrite(STDERR, "Command line scripts must define CLI_SCRIPT before requiring config.php\n");
    exit(1);
}

$CFG->dirroot = dirname(__DIR__);
$CFG->libdir = __DIR__;
$CFG->prefix ??= 'mdl_';
$CFG->forced_plugin_settings ??= [];
// What config.php says is fixed: it wins over the database.
$CFG->config_php_settings = (array) $CFG;

// For scripts that want the settings and nothing else: no database, no session.
if (defined('ABORT_AFTER_CONFIG')) {
    return;
}

require_once __DIR__ . '/dml.php';
require_once __DIR__ . '/moodlelib.php';
require_once __DIR__ . '/weblib.php';

if (!is_dir($CFG->dataroot) || !is_writable($CFG->dataroot)) {
    CLI_SCRIPT
        ? cli_fatal("Fatal error: \$CFG->dataroot is not writable, admin has to fix directory permissions! Exiting.")
        : web_fatal(503, '$CFG->dataroot is not writable, admin has to fix directory permissions! Exiting.');
}

// Maintenance of the command line comes before the database is touched, for pages; commands
// go on, and cron asks for itself.
define('CLI_MAINTENANCE', file_exists("$CFG->dataroot/climaintenance.html"));
if (CLI_MAINTENANCE && !CLI_SCRIPT) {
    http_response_code(503);
    header('Content-Type: text/html; charset=utf-8');
    header('Retry-After: 300');
    header('Cache-Control: no-store');
    readfile("$CFG->dataroot/climaintenance.html");
    exit;
}

try {
    $DB = new moodle_database($CFG);
} catch (PDOException $e) {
    // The driver's text may name user and host: not for a page.
    CLI_SCRIPT ? cli_fatal('Error: Database connection failed') : web_fatal(503, 'Error: Database connection failed');
}

// Settings of the database, under those of config.php. Before an installation there are none.
try {
    foreach ($DB->get_pairs('SELECT name, value FROM {config}') as $name => $value) {
        if (!array_key_exists($name, $CFG->config_php_settings)) {
            $CFG->$name = $value;
        }
    }
} catch (PDOException $e) {
    if (!CLI_SCRIPT) {
        web_fatal(503, 'The site is not installed yet.');
    }
}

// What an upgrade that was killed has left behind counts until its time has come.
if (!empty($CFG->upgraderunning) && $CFG->upgraderunning < time()) {
    unset_config('upgraderunning');
}
if (CLI_SCRIPT && !empty($CFG->upgraderunning)) {
    cli_fatal('Site is being upgraded, please retry later.');
}

if (!CLI_SCRIPT) {
    if (!empty($CFG->sslproxy) && !str_starts_with($CFG->wwwroot, 'https:')) {
        web_fatal(500, 'Must use https address in wwwroot when ssl proxy enabled!');
    }
    // Any other address than the site's is led to the site's.
    $host = parse_url($CFG->wwwroot, PHP_URL_HOST) . (($p = parse_url($CFG->wwwroot, PHP_URL_PORT)) ? ":$p" : '');
    $secure = !empty($CFG->sslproxy) || !empty($_SERVER['HTTPS']);
    if (!empty($CFG->reverseproxy) && ($_SERVER['HTTP_HOST'] ?? '') === $host) {
        web_fatal(500, 'Reverse proxy enabled so the server cannot be accessed directly. Please contact the server administrator.');
    }
    if (empty($CFG->reverseproxy)
            && (($_SERVER['HTTP_HOST'] ?? '') !== $host || $secure !== str_starts_with($CFG->wwwroot, 'https:'))) {
        redirect($CFG->wwwroot . $_SERVER['REQUEST_URI']);
    }
    if (!empty($CFG->upgraderunning)) {
        web_fatal(500, 'Site is being upgraded, please retry later.');
    }
    if (!NO_MOODLE_COOKIES) {
        // Sessions are files in the data folder, so they travel with it.
        @mkdir("$CFG->dataroot/sessions", 02770);
        session_save_path("$CFG->dataroot/sessions");
        session_name('MoodleSession' . ($CFG->sessioncookie ?? ''));
        session_set_cookie_params(['path' => '/', 'httponly' => true, 'secure' => $secure]);
        session_start();
        $USER = empty($_SESSION['userid']) ? null : $DB->get_record('user', ['id' => $_SESSION['userid'], 'deleted' => 0]);
        // Pages of a site whose code is newer than its tables are the administrator's only.
        if (moodle_needs_upgrading() && !str_contains($_SERVER['SCRIPT_NAME'], '/admin/index.php')) {
            redirect("$CFG->wwwroot/admin/index.php");
        }
    }
}
