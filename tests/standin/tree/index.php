<?php
// Imitates Moodle's index.php: the front page, with the courses.
require __DIR__ . '/config.php';
$site = $DB->get_record('course', ['format' => 'site']);
$list = '';
foreach ($DB->get_records('course', ['format' => 'topics']) as $course) {
    $list .= "<li><a href=\"$CFG->wwwroot/course/view.php?id=$course->id\">" . s($course->fullname) . '</a></li>';
}
page($site->fullname, "<ul>$list</ul>");
