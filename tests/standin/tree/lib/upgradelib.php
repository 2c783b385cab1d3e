<?php
// Imitates Moodle's lib/upgradelib.php and lib/installlib.php.

/** The steps of lib/db/upgrade.php that this code has, newer than $from. */
function upgrade_steps(string $from): array {
    global $CFG;
    $code = (float) code_version()->version;
    return array_filter(require "$CFG->dirroot/lib/db/upgrade.php",
        fn($version) => (float) $version > (float) $from && (float) $version <= $code, ARRAY_FILTER_USE_KEY);
}

/**
 * Changes when anything about the database does, and with the place of the code: the real
 * one is keyed by absolute path as well. Same hash: an upgrade needs no maintenance.
 */
function all_component_hash(): string {
    global $CFG;
    $plugins = array_map(fn($plugin) => $plugin->version, plugin_versions());
    return sha1(json_encode([$CFG->dirroot, array_keys(upgrade_steps('0')), $plugins]));
}

/** Without maintenance the flag that stops pages is not set. */
function upgrade_started(): void {
    // Goes on when whoever reads the output is gone.
    ignore_user_abort(true);
    if (!defined('CLI_UPGRADE_RUNNING')) {
        set_config('upgraderunning', time() + 300);
    }
}

function upgrade_savepoint(string $version): void {
    set_config('version', $version);
    upgrade_started();
    standin_work();
}

function upgrade_core(): void {
    global $CFG, $DB;
    $code = code_version();
    upgrade_started();
    echo "-->System\n";
    foreach (upgrade_steps($CFG->version) as $version => $step) {
        $step($DB);
        upgrade_savepoint($version);
        echo "++ $version: Success ++\n";
    }
    if (file_exists("$CFG->dirroot/lib/db/broken")) {
        throw new RuntimeException('Upgrade step failed, on purpose');
    }
    upgrade_savepoint($code->version);
    $DB->insert_record('upgrade_log', ['type' => 0, 'version' => $code->version, 'targetversion' => $code->version,
        'info' => 'Core upgraded', 'timemodified' => time()]);
    echo "++ Success ++\n";
}

function upgrade_noncore(): void {
    foreach (plugin_versions() as $component => $plugin) {
        echo "-->$component\n";
        set_config('version', $plugin->version, $component);
        standin_work();
        echo "++ Success ++\n";
    }
    // What every release brings with it beside core's own tables.
    set_config('version', code_version()->version, 'mod_assign');
    set_config('allcomponenthash', all_component_hash());
}

function upgrade_finished(): void {
    unset_config('upgraderunning');
}

/** Plugins that want a newer core than this one: nothing is touched then. */
function require_plugins_ok(): void {
    $version = (float) code_version()->version;
    $failed = array_keys(array_filter(plugin_versions(), fn($plugin) => (float) ($plugin->requires ?? 0) > $version));
    if ($failed) {
        cli_problem('Dependencies check failed for ' . implode(', ', $failed));
        cli_error('You must solve all the plugin requirements before proceeding to install this Moodle version!');
    }
}

function install_core(array $options): void {
    global $CFG, $DB;
    $code = code_version();
    echo "-->System\n";
    foreach (require "$CFG->dirroot/lib/db/tables.php" as $name => $columns) {
        $DB->create_table($name, $columns);
        standin_work();
    }
    upgrade_started();
    set_config('siteidentifier', bin2hex(random_bytes(16)));
    set_config('rolesactive', '0');
    foreach (['maintenance_enabled' => '0', 'cron_enabled' => '1', 'cron_keepalive' => '180', 'theme' => 'boost', 'lang' => $options['lang'],
            'debug' => '0', 'registerauth' => '', 'guestloginbutton' => '1', 'enablewebservices' => '0', 'passwordpolicy' => '1',
            'minpasswordlength' => '8', 'country' => '0', 'timezone' => 'Europe/London', 'sessiontimeout' => '28800'] as $name => $value) {
        set_config($name, $value);
    }
    $DB->insert_record('course_categories', ['name' => 'Category 1']);
    $DB->insert_record('course', ['fullname' => '', 'shortname' => '', 'format' => 'site', 'timecreated' => time()]);
    $DB->insert_record('user', ['username' => 'guest', 'firstname' => 'Guest user', 'timecreated' => time()]);
    $DB->insert_record('user', ['username' => 'admin', 'password' => 'adminsetuppending', 'firstname' => 'Admin', 'lastname' => 'User',
        'timecreated' => time()]);
    foreach (['core\task\session_cleanup_task', 'core\task\file_trash_cleanup_task'] as $task) {
        $DB->insert_record('task_scheduled', ['component' => 'moodle', 'classname' => "\\$task"]);
    }
    foreach (upgrade_steps('0') as $version => $step) {
        $step($DB);
    }
    upgrade_savepoint($code->version);
    echo "++ Success ++\n";
    set_config('release', $code->release);
    set_config('branch', $code->branch);
}
