<?php
// upgrade.php [--check]
//
// Brings the database to the version of the code by Moodle's own admin/cli/upgrade.php, as the
// web user; without maintenance mode where Moodle says that none is needed. One at a time: it
// goes on when whoever started it is gone, and until it ends no other begins. What an upgrade
// that was killed has left is not gone over again: such a copy is made anew. With --check it
// only says what there is to do.
//
// exit 0: done, with "Caches are stale." as the last line where Moodle has not purged its caches
// (in maintenance mode it has), or "Nothing to upgrade."; 1: failed; 2: (--check) an upgrade is
// pending; 3: the database holds no finished site; 4: an upgrade is running; 5: one was
// interrupted, or runs outside of this script; 6: the code is older than the database; 64: usage.
declare(strict_types=1);
if (PHP_SAPI !== 'cli') {
    exit(1);
}
require __DIR__ . '/site.php';

function stop(int $code, string $message): never {
    fwrite(STDERR, "upgrade: $message\n");
    exit($code);
}

/** Runs a command of Moodle's in a process of its own: they all end with exit(). */
function moodle(site $site, array $arguments, ?string &$said = null): int {
    $quiet = func_num_args() > 2;
    $output = $quiet ? ['pipe', 'w'] : STDOUT;
    $command = [PHP_BINARY, $site->root() . '/admin/cli/upgrade.php', ...$arguments];
    $process = proc_open($command, [1 => $output, 2 => $quiet ? ['redirect', 1] : STDERR], $pipes);
    if (!$process) {
        stop(1, 'cannot start ' . $command[1]);
    }
    if ($quiet) {
        $said = (string) stream_get_contents($pipes[1]);
    }
    return proc_close($process);
}

/** Whether there is something to do, and whether users may go on meanwhile. */
function pending(site $site): array {
    $status = moodle($site, ['--is-maintenance-required'], $said);
    if ($status === 1 && str_contains($said, '--is-maintenance-required')) {
        // Before 4.5 Moodle did not know the option, and every upgrade needs maintenance.
        $status = moodle($site, ['--is-pending'], $said);
    }
    if (!in_array($status, [0, 2, 3], true)) {
        fwrite(STDOUT, $said);
        stop(1, "admin/cli/upgrade.php ended with status $status when it was asked what there is to do");
    }
    return [$status !== 0, $status !== 3];
}

$check = array_slice($argv, 1) === ['--check'];
if (!$check && $argc > 1) {
    stop(64, 'usage: upgrade.php [--check]');
}
// Whoever reads our output may die; the upgrade goes on without a reader.
ignore_user_abort(true);
try {
    $site = site::load();
    // Moodle's own process inherits it, so an orphan counts as a running upgrade.
    $lock = fopen($site->dataroot . '/.mprov-upgrade.lock', 'c') ?: stop(1, "cannot write to {$site->dataroot}");
    if (!flock($lock, LOCK_EX | LOCK_NB)) {
        stop(4, 'another upgrade is running');
    }
    $state = $site->install_state();
    if ($state !== 'installed') {
        stop(3, "the database holds no finished site ($state)");
    }
    $have = $site->config('version', 'upgraderunning');
    // Gone when an upgrade ends, however it ends. After its time Moodle forgets it: asked first.
    if (isset($have['upgraderunning'])) {
        stop(5, 'an upgrade of these data began and did not end');
    }
    if (site::compare($site->code()['version'], $have['version']) < 0) {
        stop(6, 'the code is older than the database');
    }
    $site->close();
} catch (PDOException | RuntimeException $e) {
    stop(1, $e->getMessage());
}
[$pending, $maintenance] = pending($site);
if (!$pending) {
    echo "Nothing to upgrade.\n";
    exit(0);
}
if ($check) {
    exit(2);
}
$arguments = array_merge(['--non-interactive'], $maintenance ? [] : ['--no-maintenance']);
$status = moodle($site, $arguments);
if ($status !== 0) {
    stop(1, "admin/cli/upgrade.php ended with status $status");
}
if (!$maintenance) {
    echo "Caches are stale.\n";
}
exit(0);
