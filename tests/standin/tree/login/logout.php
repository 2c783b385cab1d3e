<?php
// Imitates Moodle's login/logout.php.
require __DIR__ . '/../config.php';
require_login();
require_sesskey();
$_SESSION = [];
session_destroy();
redirect("$CFG->wwwroot/");
