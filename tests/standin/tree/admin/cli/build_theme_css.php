<?php
// Imitates Moodle's admin/cli/build_theme_css.php: a style sheet in the local cache.
define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

[$options, $unknown] = cli_get_params(['themes' => null, 'direction' => null, 'help' => false, 'verbose' => false],
    ['t' => 'themes', 'd' => 'direction', 'h' => 'help', 'v' => 'verbose']);
cli_refuse_unknown($unknown);
if ($options['help']) {
    echo "Compile the CSS for one or more installed themes.\n";
    exit(0);
}
cli_heading('Build theme css');
foreach (explode(',', $options['themes'] ?? 'boost') as $theme) {
    theme_build_css($theme);
}
exit(0);
