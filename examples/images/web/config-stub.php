<?php // The configuration is generated outside the code tree and sets up Moodle by itself.
require('/etc/moodle/config.php');
