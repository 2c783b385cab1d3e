<?php
// Imitates Moodle's lib/environmentlib.php: does this machine meet admin/environment.xml?

/** What is not met, in words; empty when all is well. */
function check_moodle_environment(string $release): array {
    global $CFG, $DB;
    preg_match('/^\d+\.\d+/', $release, $m);
    $xml = simplexml_load_file("$CFG->dirroot/admin/environment.xml");
    $level = null;
    foreach ($xml->MOODLE as $candidate) {
        if (version_compare((string) $candidate['version'], $m[0], '<=')) {
            $level = $candidate;
        }
    }
    $bad = [];
    if ($level === null) {
        return ["environment.xml does not know Moodle $m[0]"];
    }
    if (version_compare(PHP_VERSION, (string) $level->PHP['version'], '<')) {
        $bad[] = 'php: version ' . $level->PHP['version'] . ' is required and you are running ' . PHP_VERSION;
    }
    $kind = $DB->pgsql ? 'postgres' : 'mariadb';
    foreach ($level->DATABASE->VENDOR as $vendor) {
        if ((string) $vendor['name'] === $kind && version_compare($DB->server_version(), (string) $vendor['version'], '<')) {
            $bad[] = "database: version {$vendor['version']} is required and you are running {$DB->server_version()}";
        }
    }
    foreach ($level->PHP_EXTENSIONS->PHP_EXTENSION as $extension) {
        if ((string) $extension['level'] === 'required' && !extension_loaded((string) $extension['name'])) {
            $bad[] = "php_extension: {$extension['name']} must be installed and enabled";
        }
    }
    if ((int) ini_get('max_input_vars') < 5000) {
        $bad[] = 'PHP setting max_input_vars must be at least 5000.';
    }
    if (!empty($CFG->release) && version_compare($CFG->release, (string) $level['requires'], '<')) {
        $bad[] = "moodle: version {$level['requires']} is required and you are running $CFG->release";
    }
    return $bad;
}

/** Ends the command when the machine does not fit, as install and upgrade do. */
function require_environment(string $release): void {
    $bad = check_moodle_environment($release);
    if ($bad) {
        cli_heading('Environment');
        foreach ($bad as $line) {
            echo "!! $line !!\n\n";
        }
        exit(1);
    }
}
