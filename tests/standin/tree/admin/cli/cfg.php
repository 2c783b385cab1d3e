<?php
// Imitates Moodle's admin/cli/cfg.php: same options, messages and exit codes (0, 1 usage,
// 2 name missing or help, 3 not set, 4 fixed by config.php).
define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

[$options, $unknown] = cli_get_params(['help' => false, 'component' => null, 'name' => null, 'set' => null, 'unset' => false,
    'shell-arg' => false, 'json' => false, 'no-eol' => false], ['h' => 'help']);
cli_refuse_unknown($unknown);
if ($options['help']) {
    echo "Displays the current value of the given site setting. Allows to set it to the given value, too.\n";
    exit(2);
}
$component = $options['component'];
if ($options['unset'] || $options['set'] !== null) {
    if (empty($options['name'])) {
        cli_error('Missing configuration variable name', 2);
    }
    $fixed = empty($component) ? $CFG->config_php_settings : ($CFG->forced_plugin_settings[$component] ?? []);
    if (array_key_exists($options['name'], $fixed)) {
        cli_error('The configuration variable is hard-set in the config.php, unable to change.', 4);
    }
    $old = get_config($component, $options['name']);
    if ($options['set'] !== $old) {
        set_config($options['name'], $options['set'], $component);
        add_to_config_log($options['name'], $old, $options['set'], $component);
    }
    exit(0);
}
$shown = fn(string $value): string => $options['shell-arg'] ? escapeshellarg($value) : $value;
if ($options['name'] === null) {
    $all = get_config($component);
    if ($options['json']) {
        cli_writeln(json_encode($all));
    } else {
        foreach ($all as $name => $value) {
            cli_writeln("$name\t" . $shown($value));
        }
    }
    exit(0);
}
$got = get_config($component, $options['name']);
if ($got === false) {
    cli_error('No such configuration variable found.', 3);
}
$got = $shown($got);
echo $options['json'] ? json_encode($got) : $got, $options['no-eol'] ? '' : "\n";
exit(0);
