<?php
// settings.php get|set < JSON
//
// Reads or changes many settings with one start of Moodle, as the web user. Values come on
// standard input, so that a secret one is in no argument. Components are named as cfg.php
// names them, core is "core".
//   get: {"core": ["theme", "lang"], "mod_assign": ["version"]}
//        prints {"core": {"theme": {"value": "boost", "fixed": false}, "lang": {...}}, ...};
//        value null: not set; fixed: config.php decides it
//   set: {"core": {"theme": "classic", "old": null}}    null unsets
//        prints {"changed": ["core/theme"]}
// exit 0; 1 failed; 4 (set) a setting is fixed by config.php to another value, nothing was
// changed; 64 usage.
define('CLI_SCRIPT', true);
if (PHP_SAPI !== 'cli') {
    exit(1);
}
$mprov_action = $argv[1] ?? '';
$mprov_asked = json_decode((string) file_get_contents('php://stdin'), true);
if (!in_array($mprov_action, ['get', 'set'], true) || !is_array($mprov_asked)) {
    fwrite(STDERR, "usage: settings.php get|set < JSON\n");
    exit(64);
}
require '/etc/moodle/config.php';
require_once($CFG->libdir . '/adminlib.php');

(function (string $action, array $asked) use ($CFG): void {
    $fixed = fn(string $component): array => $component === 'core' ? $CFG->config_php_settings : ($CFG->forced_plugin_settings[$component] ?? []);
    $out = [];
    foreach ($asked as $component => $settings) {
        foreach ($settings as $key => $value) {
            $name = $action === 'get' ? $value : $key;
            $now = get_config($component, $name);
            $now = $now === false ? null : (string) $now;
            $out[$component][$name] = ['value' => $now, 'fixed' => array_key_exists($name, $fixed($component))];
        }
    }
    if ($action === 'get') {
        echo json_encode($out ?: new stdClass(), JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE), "\n";
        exit(0);
    }
    $change = [];
    foreach ($asked as $component => $settings) {
        foreach ($settings as $name => $value) {
            $value = $value === null ? null : (string) $value;
            if ($value === $out[$component][$name]['value']) {
                continue;
            }
            if ($out[$component][$name]['fixed']) {
                fwrite(STDERR, "settings: $component/$name is fixed by config.php\n");
                exit(4);
            }
            $change[] = [$component, $name, $value, $out[$component][$name]['value']];
        }
    }
    foreach ($change as [$component, $name, $value, $old]) {
        $plugin = $component === 'core' ? null : $component;
        set_config($name, $value, $plugin);
        add_to_config_log($name, $old, $value, $plugin);
    }
    echo json_encode(['changed' => array_map(fn($c) => "$c[0]/$c[1]", $change)]), "\n";
    exit(0);
})($mprov_action, $mprov_asked);
