<?php
// identity.php EXPECTED
//
// Compares the identity in the database (see the database images: MPROV_IDENTITY) with the
// expected one, as the web user. The database is looked up as Moodle does, by config.php, and
// by site.json too: whoever wrote one of them wrong would find out too late. Changes nothing.
// Prints {"config": {"host", "name", "identity"}, "site": {...}}; identity null: there is none.
//
// exit 0: both are the expected one; 1: a database does not answer; 3: another one, or none;
// 64: usage.
if (PHP_SAPI !== 'cli') {
    exit(1);
}
define('CLI_SCRIPT', true);
// Moodle's settings without Moodle: it does not connect, and nothing of it is run.
define('ABORT_AFTER_CONFIG', true);
if (($argv[1] ?? '') === '') {
    fwrite(STDERR, "usage: identity.php EXPECTED\n");
    exit(64);
}
require __DIR__ . '/site.php';
require '/var/www/html/config.php';

(function (string $expected) use ($CFG): never {
    $out = [];
    try {
        $ways = ['config' => site::of_moodle($CFG), 'site' => site::load()];
        foreach ($ways as $way => $site) {
            $out[$way] = ['host' => $site->dbhost, 'name' => $site->dbname, 'identity' => $site->identity()];
        }
    } catch (PDOException | RuntimeException $e) {
        fwrite(STDERR, 'identity: ' . $e->getMessage() . "\n");
        exit(1);
    }
    echo json_encode($out, JSON_UNESCAPED_SLASHES), "\n";
    exit($out['config']['identity'] === $expected && $out['site']['identity'] === $expected ? 0 : 3);
})($argv[1]);
