<?php
// Imitates Moodle's admin/cli/uninstall_plugins.php: lists only, tab-separated.
define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

[$options, $unknown] = cli_get_params(['help' => false, 'show-all' => false, 'show-contrib' => false, 'show-missing' => false], ['h' => 'help']);
cli_refuse_unknown($unknown);
if ($options['help'] || !array_filter($options)) {
    echo "Command line tool to uninstall plugins.\n";
    exit(0);
}
$there = array_keys(plugin_versions());
$installed = array_keys($DB->get_pairs("SELECT plugin, value FROM {config_plugins} WHERE name = 'version'"));
foreach ($installed as $component) {
    // Comes with every release.
    $standard = $component === 'mod_assign';
    $missing = !$standard && !in_array($component, $there, true);
    if ($options['show-all'] || ($options['show-contrib'] && !$standard) || ($options['show-missing'] && $missing)) {
        cli_writeln("$component\t" . ucfirst($component));
    }
}
exit(0);
