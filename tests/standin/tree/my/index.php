<?php
// Imitates Moodle's my/index.php: the page after login; the link to log out is on every page.
require __DIR__ . '/../config.php';
require_login();
page('Dashboard', "<p>" . s("$USER->firstname $USER->lastname") . "</p><p><a href=\"$CFG->wwwroot/user/files.php\">Private files</a>"
    . " <a href=\"$CFG->wwwroot/course/edit.php\">New course</a></p>");
