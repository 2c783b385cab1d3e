<?php
// Imitates Moodle's admin/cli/purge_caches.php: silent, exit 0, 2 for an unknown option.
define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

[$options, $unknown] = cli_get_params(['help' => false, 'muc' => false, 'courses' => false, 'theme' => false, 'lang' => false, 'js' => false,
    'filter' => false, 'other' => false], ['h' => 'help']);
if ($unknown) {
    cli_error("Unrecognised options:\n  " . implode("\n  ", $unknown) . "\nPlease use --help option.", 2);
}
if ($options['help']) {
    echo "Invalidates Moodle internal caches\n";
    exit(0);
}
$all = !array_filter($options);
if ($all || $options['other']) {
    array_map('unlink', array_filter(glob("$CFG->dataroot/cache/*"), 'is_file'));
    array_map('unlink', glob(localcache() . '/theme/*/*/css/*'));
}
if ($all || $options['theme']) {
    // Themes are cached by their revision.
    set_config('themerev', time());
}
exit(0);
