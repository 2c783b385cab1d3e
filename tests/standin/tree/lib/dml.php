<?php
// Imitates Moodle's lib/dml/moodle_database.php and its two children for MariaDB and
// PostgreSQL: the few calls that the stand-in needs, with {table} for the prefixed name.

class moodle_database {
    private PDO $pdo;
    private string $prefix;
    public readonly bool $pgsql;

    public function __construct(stdClass $cfg) {
        $this->prefix = $cfg->prefix;
        $this->pgsql = $cfg->dbtype === 'pgsql';
        $port = $cfg->dboptions['dbport'] ?? '';
        $dsn = ($this->pgsql ? 'pgsql' : 'mysql') . ":host=$cfg->dbhost;dbname=$cfg->dbname"
            . ($port ? ";port=$port" : '') . ($this->pgsql ? '' : ';charset=utf8mb4');
        $this->pdo = new PDO($dsn, $cfg->dbuser, $cfg->dbpass,
            [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 5, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_OBJ]);
    }

    private function sql(string $sql): string {
        return preg_replace('/\{(\w+)\}/', $this->prefix . '$1', $sql);
    }

    public function execute(string $sql, array $params = []): PDOStatement {
        $q = $this->pdo->prepare($this->sql($sql));
        $q->execute($params);
        return $q;
    }

    private function where(array $conditions): string {
        return $conditions ? ' WHERE ' . implode(' AND ', array_map(fn($name) => "$name = ?", array_keys($conditions))) : '';
    }

    public function get_record(string $table, array $conditions): ?stdClass {
        return $this->execute("SELECT * FROM {{$table}}" . $this->where($conditions) . ' ORDER BY id LIMIT 1', array_values($conditions))->fetch() ?: null;
    }

    public function get_records(string $table, array $conditions = []): array {
        return $this->execute("SELECT * FROM {{$table}}" . $this->where($conditions) . ' ORDER BY id', array_values($conditions))->fetchAll();
    }

    public function get_pairs(string $sql, array $params = []): array {
        return $this->execute($sql, $params)->fetchAll(PDO::FETCH_KEY_PAIR);
    }

    public function count_records(string $table, array $conditions = []): int {
        return (int) $this->execute("SELECT count(*) FROM {{$table}}" . $this->where($conditions), array_values($conditions))->fetchColumn();
    }

    public function insert_record(string $table, array $row): int {
        $sql = "INSERT INTO {{$table}} (" . implode(', ', array_keys($row)) . ') VALUES (' . implode(', ', array_fill(0, count($row), '?')) . ')';
        if ($this->pgsql) {
            return (int) $this->execute("$sql RETURNING id", array_values($row))->fetchColumn();
        }
        $this->execute($sql, array_values($row));
        return (int) $this->pdo->lastInsertId();
    }

    public function set_field(string $table, string $name, $value, array $conditions): void {
        $this->execute("UPDATE {{$table}} SET $name = ?" . $this->where($conditions), [$value, ...array_values($conditions)]);
    }

    public function delete_records(string $table, array $conditions): void {
        $this->execute("DELETE FROM {{$table}}" . $this->where($conditions), array_values($conditions));
    }

    /** Names of the tables, without the prefix. */
    public function get_tables(): array {
        $names = $this->execute($this->pgsql
            ? 'SELECT tablename FROM pg_tables WHERE schemaname = current_schema()'
            : 'SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()')->fetchAll(PDO::FETCH_COLUMN);
        $own = array_filter($names, fn($name) => str_starts_with($name, $this->prefix));
        return array_values(array_map(fn($name) => substr($name, strlen($this->prefix)), $own));
    }

    public function create_table(string $name, string $columns): void {
        $id = $this->pgsql ? 'BIGSERIAL PRIMARY KEY' : 'BIGINT(10) NOT NULL AUTO_INCREMENT PRIMARY KEY';
        $text = $this->pgsql ? 'TEXT' : 'LONGTEXT';
        $this->execute("CREATE TABLE {{$name}} (id $id, " . str_replace('LONGTEXT', $text, $columns) . ')'
            . ($this->pgsql ? '' : ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci'));
    }

    public function server_version(): string {
        return preg_match('/\d+(\.\d+)+/', $this->pdo->getAttribute(PDO::ATTR_SERVER_VERSION), $m) ? $m[0] : '0';
    }

    public function begin(): void { $this->pdo->beginTransaction(); }
    public function commit(): void { $this->pdo->commit(); }
}
