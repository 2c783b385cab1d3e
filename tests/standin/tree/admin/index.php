<?php
// Imitates Moodle's admin/index.php: where every page leads while an upgrade is pending. The
// upgrade itself is for the command line.
require __DIR__ . '/../config.php';
if (!moodle_needs_upgrading()) {
    require_login();
    page('Site administration', '<p>' . s($CFG->release) . '</p>');
}
page('Upgrade', '<p>Your Moodle files have been changed, and you are about to automatically upgrade your server to this version: '
    . s(code_version()->release) . '</p>');
