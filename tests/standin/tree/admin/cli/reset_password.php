<?php
// Imitates Moodle's admin/cli/reset_password.php; asks on standard input for what is not given.
define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

[$options, $unknown] = cli_get_params(['help' => false, 'username' => '', 'password' => '', 'ignore-password-policy' => false],
    ['h' => 'help', 'u' => 'username', 'p' => 'password', 'i' => 'ignore-password-policy']);
cli_refuse_unknown($unknown);
if ($options['help']) {
    echo "Reset local user passwords, useful especially for admin accounts.\n";
    exit(0);
}
$ask = function (string $prompt): string {
    echo "$prompt\n: ";
    return rtrim((string) fgets(STDIN), "\r\n");
};
$username = $options['username'] === '' ? $ask('Enter username (manual authentication only)') : $options['username'];
$user = $DB->get_record('user', ['auth' => 'manual', 'username' => $username]);
if (!$user) {
    cli_error("Can not find user '$username'");
}
$password = $options['password'] === '' ? $ask('Enter new password') : $options['password'];
if (!$options['ignore-password-policy'] && strlen($password) < 8) {
    cli_error('Passwords must be at least 8 characters long.');
}
$DB->set_field('user', 'password', hash_internal_user_password($password), ['id' => $user->id]);
echo "Password changed\n";
exit(0);
