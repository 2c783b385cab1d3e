<?php
// Imitates Moodle's lib/moodlelib.php, lib/adminlib.php (configuration log), lib/upgradelib.php
// (moodle_needs_upgrading) and lib/filestorage/ (the content-addressed pool of files).

/** Value of a setting as text, false when it is not set; without a name, all of a component. */
function get_config(?string $component, ?string $name = null) {
    global $CFG, $DB;
    $core = in_array($component, [null, '', 'core', 'moodle'], true);
    $forced = $core ? $CFG->config_php_settings : ($CFG->forced_plugin_settings[$component] ?? []);
    $stored = $core ? $DB->get_pairs('SELECT name, value FROM {config}')
        : $DB->get_pairs('SELECT name, value FROM {config_plugins} WHERE plugin = ?', [$component]);
    if ($name !== null) {
        return array_key_exists($name, $forced) ? @strval($forced[$name]) : ($stored[$name] ?? false);
    }
    foreach ($forced as $key => $value) {
        if (is_scalar($value)) {
            $stored[$key] = (string) $value;
        } else {
            unset($stored[$key]);
        }
    }
    return (object) $stored;
}

/** Null unsets. */
function set_config(string $name, $value, ?string $component = null): void {
    global $CFG, $DB;
    $core = in_array($component, [null, '', 'core', 'moodle'], true);
    [$table, $key] = $core ? ['config', ['name' => $name]] : ['config_plugins', ['plugin' => $component, 'name' => $name]];
    if ($value === null) {
        $DB->delete_records($table, $key);
    } else if ($DB->get_record($table, $key)) {
        $DB->set_field($table, 'value', (string) $value, $key);
    } else {
        $DB->insert_record($table, $key + ['value' => (string) $value]);
    }
    if ($core && !array_key_exists($name, $CFG->config_php_settings)) {
        if ($value === null) {
            unset($CFG->$name);
        } else {
            $CFG->$name = (string) $value;
        }
    }
}

function unset_config(string $name, ?string $component = null): void {
    set_config($name, null, $component);
}

function add_to_config_log(string $name, $old, $new, ?string $component = null): void {
    global $DB;
    $DB->insert_record('config_log', ['userid' => 0, 'timemodified' => time(), 'plugin' => $component, 'name' => $name,
        'value' => $new === null ? null : (string) $new, 'oldvalue' => $old === false ? null : (string) $old]);
}

function hash_internal_user_password(string $password): string {
    return crypt($password, '$6$rounds=10000$' . substr(strtr(base64_encode(random_bytes(16)), '+', '.'), 0, 16) . '$');
}

/** version, release and branch of the code. */
function code_version(): stdClass {
    global $CFG;
    require "$CFG->dirroot/version.php";
    return (object) ['version' => sprintf('%.2f', $version), 'release' => $release, 'branch' => $branch];
}

function moodle_needs_upgrading(): bool {
    global $CFG;
    if (empty($CFG->version) || (float) code_version()->version > (float) $CFG->version) {
        return true;
    }
    foreach (plugin_versions() as $component => $plugin) {
        if ((float) get_config($component, 'version') < (float) $plugin->version) {
            return true;
        }
    }
    return false;
}

/** What the version.php files of the plugins under local/ say. */
function plugin_versions(): array {
    global $CFG;
    $all = [];
    foreach (glob("$CFG->dirroot/local/*/version.php") as $file) {
        $plugin = new stdClass();
        require $file;
        $all[$plugin->component] = $plugin;
    }
    return $all;
}

/** Work takes time; tests that kill half-way choose how much. */
function standin_work(): void {
    $ms = getenv('STANDIN_STEP_MS');
    usleep(1000 * (int) ($ms === false ? 40 : $ms));
}

/**
 * Puts content into the pool and a row into mdl_files. The pool never overwrites: the name is
 * the content's hash, written beside it and renamed.
 */
function store_file(string $component, string $filearea, int $itemid, int $userid, string $filename, string $content): int {
    global $CFG, $DB;
    $hash = sha1($content);
    $folder = "$CFG->dataroot/filedir/" . substr($hash, 0, 2) . '/' . substr($hash, 2, 2);
    if (!is_dir($folder)) {
        @mkdir($folder, 02770, true);
    }
    if (!file_exists("$folder/$hash")) {
        $new = "$folder/$hash." . bin2hex(random_bytes(4)) . '.tmp';
        if (file_put_contents($new, $content) !== strlen($content) || !rename($new, "$folder/$hash")) {
            throw new RuntimeException('Can not create local file pool file');
        }
        chmod("$folder/$hash", 0660);
    }
    $path = "/$userid/$component/$filearea/$itemid/$filename";
    $row = ['contenthash' => $hash, 'filesize' => strlen($content), 'timemodified' => time()];
    if ($old = $DB->get_record('files', ['pathnamehash' => sha1($path)])) {
        foreach ($row as $name => $value) {
            $DB->set_field('files', $name, $value, ['id' => $old->id]);
        }
        return (int) $old->id;
    }
    return $DB->insert_record('files', $row + ['pathnamehash' => sha1($path), 'contextid' => $userid, 'component' => $component,
        'filearea' => $filearea, 'itemid' => $itemid, 'filepath' => '/', 'filename' => $filename, 'userid' => $userid, 'timecreated' => time()]);
}

/** A style sheet in the local cache, under the revision that pages ask for. */
function theme_build_css(string $theme): void {
    global $CFG;
    $folder = localcache() . '/theme/' . ($CFG->themerev ?? -1) . "/$theme/css";
    @mkdir($folder, 02770, true);
    file_put_contents("$folder/all.css", "body { margin: 0 }\n");
}

function localcache(): string {
    global $CFG;
    return $CFG->localcachedir ?? "$CFG->dataroot/localcache";
}

function log_event(string $name, int $objectid = 0): void {
    global $DB, $USER;
    $DB->insert_record('logstore_standard_log', ['eventname' => $name, 'objectid' => $objectid,
        'userid' => $USER->id ?? 0, 'timecreated' => time(), 'origin' => CLI_SCRIPT ? 'cli' : 'web']);
}
