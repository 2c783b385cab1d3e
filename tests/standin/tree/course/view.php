<?php
// Imitates Moodle's course/view.php.
require __DIR__ . '/../config.php';
require_login();
$course = $DB->get_record('course', ['id' => (int) ($_GET['id'] ?? 0)]);
if (!$course) {
    web_fatal(404, 'Can not find data record in database table course.');
}
page($course->fullname, '<p class="shortname">' . s($course->shortname) . '</p>');
