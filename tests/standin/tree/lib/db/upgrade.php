<?php
// Imitates Moodle's lib/db/upgrade.php: what changes in the database, and from which version
// of the code on. A step runs when it lies between the version installed and the code's.
defined('MOODLE_INTERNAL') || die();

return [
    '2024100706.00' => fn(moodle_database $db) => $db->execute('ALTER TABLE {course} ADD COLUMN showreports SMALLINT NOT NULL DEFAULT 0'),
    '2025041400.00' => fn(moodle_database $db) => $db->create_table('ai_providers', 'name VARCHAR(255) NOT NULL, enabled SMALLINT NOT NULL DEFAULT 0'),
    '2025041400.01' => fn(moodle_database $db) => $db->execute('ALTER TABLE {user} ADD COLUMN moodlenetprofile VARCHAR(255)'),
    '2025041405.00' => fn(moodle_database $db) => $db->execute("UPDATE {course} SET summary = COALESCE(summary, '')"),
    '2025100600.00' => fn(moodle_database $db) => $db->create_table('sms_gateways', 'name VARCHAR(255) NOT NULL'),
];
