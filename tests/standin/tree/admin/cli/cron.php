<?php
// Imitates Moodle's admin/cli/cron.php, lib/classes/cron.php and lib/classes/local/cli/shutdown.php:
// scheduled tasks are marked while they run, ad hoc tasks go when done, SIGTERM ends after the task.
define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";

[$options, $unknown] = cli_get_params(['help' => false, 'stop' => false, 'list' => false, 'force' => false, 'enable' => false, 'disable' => false,
    'disable-wait' => false, 'keep-alive' => null],
    ['h' => 'help', 's' => 'stop', 'l' => 'list', 'f' => 'force', 'e' => 'enable', 'd' => 'disable', 'w' => 'disable-wait', 'k' => 'keep-alive']);
cli_refuse_unknown($unknown);
if ($options['help']) {
    echo "Execute periodic cron actions.\n";
    exit(0);
}

function running_tasks(): int {
    global $DB;
    return (int) $DB->execute('SELECT (SELECT count(*) FROM {task_scheduled} WHERE timestarted IS NOT NULL)'
        . ' + (SELECT count(*) FROM {task_adhoc} WHERE timestarted IS NOT NULL)')->fetchColumn();
}

/** Other cron processes see the new number and leave after their task. */
function notify_stop(): void {
    set_config('scheduledtaskreset', microtime(true));
}

if ($options['stop']) {
    notify_stop();
    exit(0);
}
if ($options['enable']) {
    set_config('cron_enabled', 1);
    cli_writeln('Cron has been enabled for the site.');
    exit(0);
}
if ($options['disable']) {
    set_config('cron_enabled', 0);
    notify_stop();
    cli_writeln('Cron has been disabled for the site.');
    exit(0);
}
if ($options['list']) {
    cli_writeln('The list of currently running tasks:');
    foreach ($DB->get_records('task_scheduled') as $task) {
        if ($task->timestarted !== null) {
            printf("%7s %s\n", $task->pid, $task->classname);
        }
    }
    exit(0);
}
if ($options['disable-wait']) {
    $seconds = $options['disable-wait'] === true ? 600 : (int) $options['disable-wait'];
    set_config('cron_enabled', 0);
    notify_stop();
    cli_writeln('Cron has been disabled for the site.');
    cli_writeln("Allocating $seconds secs for the tasks to finish.");
    for ($until = time() + $seconds; running_tasks() > 0; sleep(1)) {
        if (time() >= $until) {
            cli_writeln("\nWait time ($seconds secs) elapsed, but " . running_tasks() . " task(s) still running.");
            cli_writeln('Exiting with code 1.');
            exit(1);
        }
    }
    cli_writeln("\nAll scheduled and adhoc tasks finished.");
    exit(0);
}
if (!get_config('core', 'cron_enabled') && !$options['force']) {
    cli_writeln('Cron is disabled. Use --force to override.');
    exit(1);
}
if (CLI_MAINTENANCE) {
    cli_writeln('CLI maintenance mode active, cron execution suspended.');
    exit(1);
}
if (moodle_needs_upgrading()) {
    cli_writeln('Moodle upgrade pending, cron execution suspended.');
    exit(1);
}

$graceful = false;
pcntl_async_signals(true);
foreach ([SIGTERM, SIGINT] as $signal) {
    pcntl_signal($signal, function () use (&$graceful) {
        cli_heading('Exiting gracefully, please wait ...');
        $graceful = true;
    });
}
$began = time();
$reset = get_config('core', 'scheduledtaskreset');
set_config('lastcronstart', $began, 'tool_task');
cli_writeln('Server Time: ' . date('r', $began) . "\n");
$until = $began + min(900, (int) ($options['keep-alive'] ?? get_config('core', 'cron_keepalive')));
$run = function (string $table, stdClass $task, callable $done): void {
    global $DB;
    $DB->execute("UPDATE {{$table}} SET timestarted = ?, pid = ? WHERE id = ?", [time(), getmypid(), $task->id]);
    cli_writeln("Execute task: $task->classname");
    // A test makes a long task by giving its seconds.
    sleep((int) (json_decode($task->customdata ?? '')->seconds ?? 0));
    log_event("\\standin\\event\\task_run", (int) $task->id);
    $done($task);
};
do {
    foreach ($DB->get_records('task_scheduled', ['disabled' => 0]) as $task) {
        if (!$graceful && (int) $task->lastruntime < time() - 60) {
            $run('task_scheduled', $task, fn($task) => $DB->execute('UPDATE {task_scheduled} SET lastruntime = ?, timestarted = NULL, pid = NULL WHERE id = ?', [time(), $task->id]));
        }
    }
    foreach ($DB->get_records('task_adhoc') as $task) {
        if (!$graceful && (int) $task->nextruntime <= time()) {
            $run('task_adhoc', $task, fn($task) => $DB->delete_records('task_adhoc', ['id' => $task->id]));
        }
    }
    cli_writeln('Cron run completed correctly');
    cli_writeln('Cron completed at ' . date('H:i:s') . '.');
    $again = !$graceful && time() < $until;
    if ($again) {
        sleep(1);
        $again = !$graceful && get_config('core', 'scheduledtaskreset') === $reset;
    }
} while ($again);
