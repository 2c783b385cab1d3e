<?php
// set-password.php [--check] USERNAME [FILE]
//
// Sets the password of a user with a local account from FILE (default
// /run/secrets/admin_password; - is standard input), as the web user. With --check only
// compares. Arguments of a process are everybody's to read, so no password is one.
//
// exit 0: set, or the same; 1: failed; 3: (--check) another password, or no such user.
declare(strict_types=1);
if (PHP_SAPI !== 'cli') {
    exit(1);
}
function stop(int $code, string $message): never {
    fwrite(STDERR, "set-password: $message\n");
    exit($code);
}
$mprov = (function (array $arguments): array {
    require __DIR__ . '/site.php';
    $check = ($arguments[0] ?? '') === '--check';
    if ($check) {
        array_shift($arguments);
    }
    $username = $arguments[0] ?? '';
    if ($username === '' || $username[0] === '-') {
        stop(64, 'usage: set-password.php [--check] USERNAME [FILE]');
    }
    $file = $arguments[1] ?? '/run/secrets/admin_password';
    $password = @file_get_contents($file === '-' ? 'php://stdin' : $file);
    $password = $password === false ? '' : rtrim($password, "\r\n");
    if ($password === '') {
        stop(1, "no password in $file");
    }
    try {
        $site = site::load();
        if ($check) {
            // Salted hashes of crypt(); password_verify knows every kind Moodle has used.
            $q = $site->pdo()->prepare("SELECT password FROM {$site->prefix}user WHERE username = ? AND auth = 'manual' AND deleted = 0");
            $q->execute([$username]);
            exit(password_verify($password, (string) $q->fetchColumn()) ? 0 : 3);
        }
    } catch (PDOException | RuntimeException $e) {
        stop(1, $e->getMessage());
    }
    $script = $site->root() . '/admin/cli/reset_password.php';
    // The password was decided on elsewhere; the site's policy is for its users.
    return [$script, "--username=$username", "--password=$password", '--ignore-password-policy'];
})(array_slice($argv, 1));

$_SERVER['argv'] = $argv = $mprov;
$_SERVER['argc'] = $argc = count($argv);
$_SERVER['SCRIPT_FILENAME'] = $_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = $mprov[0];
chdir(dirname($mprov[0]));
require $mprov[0];
