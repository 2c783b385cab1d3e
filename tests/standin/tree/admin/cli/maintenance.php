<?php
// Imitates Moodle's admin/cli/maintenance.php: the file climaintenance.html in the data folder
// and the setting maintenance_enabled.
define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

[$options, $unknown] = cli_get_params(['enable' => false, 'enablelater' => 0, 'enableold' => false, 'disable' => false, 'help' => false], ['h' => 'help']);
cli_refuse_unknown($unknown);
if ($options['help']) {
    echo "Maintenance mode settings.\n";
    exit(0);
}
$file = "$CFG->dataroot/climaintenance.html";
cli_heading("Maintenance mode ($CFG->wwwroot)");
if ($options['enablelater']) {
    if (file_exists($file)) {
        echo "Status: enabled\n";
        exit(0);
    }
    $time = time() + (int) $options['enablelater'] * 60;
    set_config('maintenance_later', $time);
    echo 'status: CLI maintenance mode will be enabled on ' . date('r', $time) . "\n";
} else if ($options['enable']) {
    file_put_contents($file, "<!DOCTYPE html><html><head><title>Site maintenance</title></head><body><h1>This site is undergoing maintenance and is currently not available</h1></body></html>\n");
    set_config('maintenance_enabled', 'cli mode');
    unset_config('maintenance_later');
    echo "Your site is currently in CLI maintenance mode, no web access is allowed.\n";
} else if ($options['enableold']) {
    set_config('maintenance_enabled', 1);
    unset_config('maintenance_later');
    echo "Your site is currently in maintenance mode (only admins can log in or use the site).\n";
} else if ($options['disable']) {
    set_config('maintenance_enabled', 0);
    unset_config('maintenance_later');
    if (file_exists($file)) {
        unlink($file);
    }
    echo "Maintenance mode has been disabled and the site is running normally again\n";
} else if (!empty($CFG->maintenance_enabled) || file_exists($file)) {
    echo "Status: enabled\n";
} else if (!empty($CFG->maintenance_later)) {
    echo 'status: CLI maintenance mode will be enabled on ' . date('r', (int) $CFG->maintenance_later) . "\n";
} else {
    echo "Status: disabled\n";
}
exit(0);
