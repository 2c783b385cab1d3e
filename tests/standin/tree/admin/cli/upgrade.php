<?php
// Imitates Moodle's admin/cli/upgrade.php: same options, messages and exit codes. As there,
// --maintenance=false is a text and so means true; --no-maintenance is what switches it off.
define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";
require_once "$CFG->libdir/environmentlib.php";
require_once "$CFG->libdir/upgradelib.php";

[$options, $unknown] = cli_get_params(['allow-unstable' => false, 'help' => false, 'is-maintenance-required' => false, 'is-pending' => false,
    'lang' => 'en', 'maintenance' => true, 'non-interactive' => false, 'set-ui-upgrade-lock' => false, 'unset-ui-upgrade-lock' => false,
    'verbose-settings' => false], ['h' => 'help']);
cli_refuse_unknown($unknown);
if ($options['help']) {
    echo "Command line Moodle upgrade.\n";
    exit(0);
}
if (empty($CFG->version)) {
    cli_error('Config table does not contain the version. You cannot continue.');
}
$code = code_version();
$new = "$code->release ($code->version)";
$old = "$CFG->release ($CFG->version)";
if ((float) $code->version < (float) $CFG->version) {
    cli_error('Error: The code you are using is older than the version recorded in the database.');
}
if ($options['unset-ui-upgrade-lock']) {
    set_config('outagelessupgrade', 0);
    cli_writeln('Existing CLI execution upgrade lock has been removed.');
}
$needsmaintenance = all_component_hash() !== ($CFG->allcomponenthash ?? '');
if (!$options['maintenance']) {
    if ($needsmaintenance) {
        cli_error('This upgrade WILL result in maintenance mode for users.', 2);
    }
    define('CLI_UPGRADE_RUNNING', true);
    set_config('outagelessupgrade', 1);
}
if (!moodle_needs_upgrading()) {
    cli_error("No upgrade needed for the installed version $new. Thanks for coming anyway!", 0);
}
if ($options['is-maintenance-required']) {
    cli_writeln('An upgrade is pending');
    if ($needsmaintenance) {
        cli_error('This upgrade WILL result in maintenance mode for users.', 2);
    }
    if ($options['set-ui-upgrade-lock']) {
        set_config('outagelessupgrade', 1);
        cli_writeln('Upgrade has been locked to CLI execution only.');
    }
    cli_error('This upgrade WILL NOT result in maintenance mode for users.', 3);
}
if ($options['is-pending']) {
    cli_error('An upgrade is pending', 2);
}
require_environment($code->release);
require_plugins_ok();
if (!$options['non-interactive']) {
    echo "Type y (means yes) or n (means no)\n: ";
    if (trim((string) fgets(STDIN)) !== 'y') {
        exit(1);
    }
}
try {
    if ((float) $code->version > (float) $CFG->version) {
        upgrade_core();
    }
    set_config('release', $code->release);
    set_config('branch', $code->branch);
    upgrade_noncore();
} catch (PDOException | RuntimeException $e) {
    // As in the real one, upgraderunning stays after a kill only.
    upgrade_finished();
    cli_fatal($e->getMessage());
}
upgrade_finished();
cli_heading('Setting new default values');
// The last step, so that no visitor has to wait for it.
theme_build_css($CFG->theme ?? 'boost');
if (!$options['maintenance'] && !$options['set-ui-upgrade-lock']) {
    set_config('outagelessupgrade', 0);
}
echo "Command line upgrade from $old to $new completed successfully.\n";
exit(0);
