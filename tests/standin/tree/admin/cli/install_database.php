<?php
// Imitates Moodle's admin/cli/install_database.php: same options, messages and exit codes.
define('CLI_SCRIPT', true);
if (isset($_SERVER['REMOTE_ADDR'])) {
    exit(1);
}
$config = __DIR__ . '/../../config.php';
if (!file_exists($config)) {
    fwrite(STDERR, "config.php does not exist, can not continue\n");
    exit(1);
}
require $config;
require_once "$CFG->libdir/clilib.php";
require_once "$CFG->libdir/environmentlib.php";
require_once "$CFG->libdir/upgradelib.php";

[$options, $unknown] = cli_get_params(['lang' => 'en', 'adminuser' => 'admin', 'adminpass' => '', 'adminemail' => '', 'fullname' => '',
    'shortname' => '', 'summary' => '', 'supportemail' => '', 'agree-license' => false, 'help' => false], ['h' => 'help']);
cli_refuse_unknown($unknown);
if ($options['help']) {
    echo "Advanced command line Moodle database installer.\n";
    exit(0);
}
if ($DB->get_tables()) {
    cli_error('Database tables already present; CLI installation cannot continue.');
}
if (!$options['agree-license']) {
    cli_error('You have to agree to the license. --help prints out the help');
}
if ($options['adminpass'] === true || $options['adminpass'] === '') {
    cli_error('You have to specify admin password. --help prints out the help');
}
foreach (['adminemail', 'supportemail'] as $name) {
    if ($options[$name] !== '' && !filter_var($options[$name], FILTER_VALIDATE_EMAIL)) {
        cli_error("Error, incorrect value \"$options[$name]\" for \"$name\"");
    }
}
require_environment(code_version()->release);
require_plugins_ok();

echo "-------------------------------------------------------------------------------\n";
cli_heading('Setting up database');
install_core($options);
upgrade_noncore();
$DB->set_field('user', 'password', hash_internal_user_password($options['adminpass']), ['username' => 'admin']);
$DB->set_field('user', 'email', $options['adminemail'], ['username' => 'admin']);
if (!in_array($options['adminuser'], ['admin', 'guest'], true)) {
    $DB->set_field('user', 'username', $options['adminuser'], ['username' => 'admin']);
}
set_config('supportemail', $options['supportemail'] ?: $options['adminemail']);
set_config('rolesactive', 1);
upgrade_finished();
foreach (['shortname', 'fullname', 'summary'] as $name) {
    if ($options[$name] !== '') {
        $DB->set_field('course', $name, $options[$name], ['format' => 'site']);
    }
}
set_config('registrationpending', 1);
echo "Installation completed successfully.\n";
exit(0);
