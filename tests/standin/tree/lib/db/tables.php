<?php
// Imitates Moodle's lib/db/install.xml: the tables of a fresh site. Columns that mprov or a
// check reads have their real names and meaning.
defined('MOODLE_INTERNAL') || die();

return [
    'config' => 'name VARCHAR(255) NOT NULL UNIQUE, value LONGTEXT NOT NULL',
    'config_plugins' => 'plugin VARCHAR(100) NOT NULL, name VARCHAR(100) NOT NULL, value LONGTEXT NOT NULL, UNIQUE (plugin, name)',
    'config_log' => 'userid BIGINT NOT NULL, timemodified BIGINT NOT NULL, plugin VARCHAR(100), name VARCHAR(100) NOT NULL, value LONGTEXT, oldvalue LONGTEXT',
    'upgrade_log' => 'type BIGINT NOT NULL, version VARCHAR(100), targetversion VARCHAR(100), info VARCHAR(255) NOT NULL, timemodified BIGINT NOT NULL',
    'user' => "auth VARCHAR(20) NOT NULL DEFAULT 'manual', deleted SMALLINT NOT NULL DEFAULT 0, mnethostid BIGINT NOT NULL DEFAULT 1, username VARCHAR(100) NOT NULL UNIQUE,"
        . " password VARCHAR(255) NOT NULL DEFAULT '', firstname VARCHAR(100) NOT NULL DEFAULT '', lastname VARCHAR(100) NOT NULL DEFAULT '', email VARCHAR(100) NOT NULL DEFAULT '',"
        . ' currentlogin BIGINT NOT NULL DEFAULT 0, lastlogin BIGINT NOT NULL DEFAULT 0, lastaccess BIGINT NOT NULL DEFAULT 0, timecreated BIGINT NOT NULL DEFAULT 0',
    'course_categories' => 'name VARCHAR(255) NOT NULL, sortorder BIGINT NOT NULL DEFAULT 0',
    'course' => "category BIGINT NOT NULL DEFAULT 0, fullname VARCHAR(254) NOT NULL, shortname VARCHAR(255) NOT NULL, summary LONGTEXT, format VARCHAR(21) NOT NULL DEFAULT 'topics',"
        . ' timecreated BIGINT NOT NULL DEFAULT 0',
    'course_modules' => 'course BIGINT NOT NULL, module BIGINT NOT NULL, instance BIGINT NOT NULL, added BIGINT NOT NULL DEFAULT 0',
    'forum_posts' => 'discussion BIGINT NOT NULL, userid BIGINT NOT NULL, created BIGINT NOT NULL, subject VARCHAR(255) NOT NULL, message LONGTEXT NOT NULL',
    'files' => 'contenthash VARCHAR(40) NOT NULL, pathnamehash VARCHAR(40) NOT NULL UNIQUE, contextid BIGINT NOT NULL, component VARCHAR(100) NOT NULL, filearea VARCHAR(50) NOT NULL,'
        . ' itemid BIGINT NOT NULL, filepath VARCHAR(255) NOT NULL, filename VARCHAR(255) NOT NULL, userid BIGINT, filesize BIGINT NOT NULL, timecreated BIGINT NOT NULL,'
        . ' timemodified BIGINT NOT NULL, referencefileid BIGINT',
    'logstore_standard_log' => 'eventname VARCHAR(255) NOT NULL, objectid BIGINT, userid BIGINT NOT NULL, timecreated BIGINT NOT NULL, origin VARCHAR(10)',
    'task_scheduled' => 'component VARCHAR(255) NOT NULL, classname VARCHAR(255) NOT NULL, lastruntime BIGINT, disabled SMALLINT NOT NULL DEFAULT 0, timestarted BIGINT, pid BIGINT',
    'task_adhoc' => 'component VARCHAR(255) NOT NULL, classname VARCHAR(255) NOT NULL, nextruntime BIGINT NOT NULL, customdata LONGTEXT, timestarted BIGINT, pid BIGINT',
];
