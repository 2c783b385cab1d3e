<?php
// Imitates Moodle's lib/adminlib.php, which real scripts require for add_to_config_log(); the
// stand-in has that in lib/moodlelib.php.
defined('MOODLE_INTERNAL') || die();
