<?php
// In $mprov: user, course (fullname, shortname; null: as it is), email (null: as it is).
define('CLI_SCRIPT', true);
require '/etc/moodle/config.php';
$site = $DB->get_record('course', ['format' => 'site']);
foreach ($mprov['course'] as $field => $value) {
    if ($value !== null) {
        $DB->set_field('course', $field, $value, ['id' => $site->id]);
    }
}
if ($mprov['email'] !== null) {
    if (!$DB->get_record('user', ['username' => $mprov['user'], 'deleted' => 0])) {
        fwrite(STDERR, "There is no account \"{$mprov['user']}\".\n");
        exit(1);
    }
    $DB->set_field('user', 'email', $mprov['email'], ['username' => $mprov['user'], 'deleted' => 0]);
}
if (function_exists('rebuild_course_cache')) {
    rebuild_course_cache($site->id, true);
}
echo "mprov: changed\n";
