<?php
// Prints the connections that the site's database user has beside this one, without what they
// say: [{"state": "Query: Sending data", "seconds": 3}, ...]. None have to be seen twice with a
// moment in between: a request may just be on its way from the web server to the database.
require '/usr/share/mprov/site.php';
$site = site::load();
$others = $site->dbtype === 'pgsql'
    ? "SELECT concat_ws(', ', state, 'waits for ' || wait_event) AS state, extract(epoch FROM now() - state_change)::int AS seconds
         FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY 2 DESC"
    : "SELECT concat_ws(': ', command, nullif(state, '')) AS state, time AS seconds
         FROM information_schema.processlist WHERE user = substring_index(current_user(), '@', 1) AND id <> connection_id() ORDER BY 2 DESC";
for ($look = 0; $look < 2; $look++) {
    usleep($look * 400000);
    $left = $site->pdo()->query($others)->fetchAll(PDO::FETCH_ASSOC);
    if ($left) {
        break;
    }
}
echo json_encode(array_map(fn($c) => ['state' => (string) $c['state'], 'seconds' => (int) $c['seconds']], $left)), "\n";
