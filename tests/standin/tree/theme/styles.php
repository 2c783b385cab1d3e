<?php
// Imitates Moodle's theme/styles.php: needs the configuration, no session; in maintenance it
// answers 503 like every page.
define('NO_MOODLE_COOKIES', true);
require __DIR__ . '/../config.php';
header('Content-Type: text/css');
header('Cache-Control: max-age=600');
echo "body { font-family: sans-serif; margin: 2em auto; max-width: 50em }\n";
