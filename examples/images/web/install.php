<?php
// install.php [--adminpass-file=FILE] [options of admin/cli/install_database.php]
//
// Installs Moodle into an empty database, as the web user. Safe to run again whatever
// happened before: an installation of ours that did not end is removed and begun anew, a
// finished one is left alone, tables that are not ours are never touched.
// The password comes from a file (default /run/secrets/admin_password): arguments of a
// process are everybody's to read.
//
// exit 0: installed (now or before); 1: failed; 3: the database holds tables that no
// unfinished installation of ours made; 4: another installation is running.
declare(strict_types=1);
if (PHP_SAPI !== 'cli') {
    exit(1);
}

function stop(int $code, string $message): never {
    fwrite(STDERR, "install: $message\n");
    exit($code);
}

// Whoever reads our output may die; the installation goes on without a reader.
ignore_user_abort(true);

// Moodle's scripts must run at the top level of a file, so what is ours is kept in one name.
$mprov = (function (array $arguments): ?array {
    require __DIR__ . '/site.php';
    $file = '/run/secrets/admin_password';
    $pass = [];
    foreach ($arguments as $argument) {
        if (str_starts_with($argument, '--adminpass-file=')) {
            $file = substr($argument, strlen('--adminpass-file='));
        } else if (str_starts_with($argument, '--adminpass')) {
            stop(64, 'the password is read from a file: --adminpass-file=FILE');
        } else {
            $pass[] = $argument;
        }
    }
    try {
        $site = site::load();
        $lock = fopen($site->dataroot . '/.mprov-install.lock', 'c') ?: stop(1, "cannot write to {$site->dataroot}");
        if (!flock($lock, LOCK_EX | LOCK_NB)) {
            stop(4, 'another installation is running');
        }
        $state = $site->install_state();
        if ($state === 'installed') {
            @unlink($site->install_mark());
            echo "Already installed.\n";
            return null;
        }
        if ($state === 'foreign') {
            stop(3, "the database holds tables with the prefix {$site->prefix} that are not from an unfinished installation");
        }
        $password = @file_get_contents($file);
        if ($password === false || rtrim($password, "\r\n") === '') {
            stop(1, "no password in $file");
        }
        if ($state === 'partial') {
            if ($site->was_used()) {
                stop(3, "{$site->install_mark()} speaks of an unfinished installation, but people have logged in since; remove it by hand");
            }
            $tables = $site->tables();
            echo 'Removing ' . count($tables) . " tables of an installation that did not end.\n";
            foreach ($tables as $table) {
                $site->pdo()->exec($site->dbtype === 'pgsql' ? "DROP TABLE \"$table\" CASCADE" : "DROP TABLE `$table`");
            }
            // Caches would speak of a site that is gone; files are found again by content.
            foreach (['cache', 'localcache', 'muc', 'temp', 'lock'] as $folder) {
                remove_folder("{$site->dataroot}/$folder");
            }
        }
        // On disk before the first table, so that a crash of the machine finds it.
        $mark = fopen($site->install_mark(), 'w');
        if (!$mark || fwrite($mark, $site->install_mark_text()) === false || !fflush($mark) || !fsync($mark)) {
            stop(1, "cannot write {$site->install_mark()}");
        }
        fclose($mark);
        $site->close();
    } catch (PDOException | RuntimeException $e) {
        stop(1, $e->getMessage());
    }
    return ['site' => $site, 'lock' => $lock, 'script' => $site->root() . '/admin/cli/install_database.php',
        'arguments' => array_merge($pass, ['--agree-license', '--adminpass=' . rtrim($password, "\r\n")])];
})(array_slice($argv, 1));

function remove_folder(string $folder): void {
    if (!is_dir($folder)) {
        return;
    }
    foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS),
            RecursiveIteratorIterator::CHILD_FIRST) as $entry) {
        $entry->isDir() && !$entry->isLink() ? @rmdir((string) $entry) : @unlink((string) $entry);
    }
    @rmdir($folder);
}

if ($mprov === null) {
    exit(0);
}
// The installer ends with exit(), so it gets a process of its own whose exit code can be
// seen. The lock is held until both are gone: an orphan counts as a running installation.
$mprov['child'] = pcntl_fork();
if ($mprov['child'] === -1) {
    stop(1, 'cannot fork');
}
if ($mprov['child'] > 0) {
    pcntl_async_signals(true);
    foreach ([SIGTERM, SIGINT, SIGHUP] as $signal) {
        pcntl_signal($signal, fn(int $number) => posix_kill($mprov['child'], $number));
    }
    while (pcntl_waitpid($mprov['child'], $status) === -1 && pcntl_get_last_error() === PCNTL_EINTR) {
    }
    if (!pcntl_wifexited($status) || pcntl_wexitstatus($status) !== 0) {
        stop(1, 'admin/cli/install_database.php did not end well; running this again begins anew');
    }
    unlink($mprov['site']->install_mark());
    exit(0);
}
$_SERVER['argv'] = $argv = array_merge([$mprov['script']], $mprov['arguments']);
$_SERVER['argc'] = $argc = count($argv);
$_SERVER['SCRIPT_FILENAME'] = $_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = $mprov['script'];
chdir(dirname($mprov['script']));
require $mprov['script'];
