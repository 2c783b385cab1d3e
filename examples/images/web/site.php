<?php
// The site as /etc/moodle/site.json describes it: what can be said about it without
// starting Moodle. Moodle's own start-up answers with a page of its own when the site
// is in maintenance or the address is not the site's, so it is of no use to a check.
// Passwords: only the path of their file is in site.json, and no message shows one.

final class site {
    public string $dbtype, $dbhost, $dbname, $dbuser, $prefix, $dataroot, $dirroot;
    private int $dbport;
    private string $passfile;
    /** Where it is known without its file. */
    private ?string $password = null;
    private ?PDO $pdo = null;

    public static function load(string $path = '/etc/moodle/site.json'): self {
        $text = @file_get_contents($path);
        if ($text === false) {
            throw new RuntimeException("cannot read $path");
        }
        $in = json_decode($text, true);
        if (!is_array($in)) {
            throw new RuntimeException("$path is not JSON");
        }
        return self::of($in, $path);
    }

    /** The same as Moodle itself sees it: from the settings of config.php. */
    public static function of_moodle(stdClass $cfg): self {
        $s = self::of(['dbport' => $cfg->dboptions['dbport'] ?? 0] + (array) $cfg, 'config.php');
        $s->password = $cfg->dbpass;
        return $s;
    }

    private static function of(array $in, string $path): self {
        $s = new self();
        $s->dbtype   = ($in['dbtype'] ?? 'mariadb') === 'pgsql' ? 'pgsql' : 'mariadb';
        $s->dbhost   = $in['dbhost'] ?? 'db';
        $s->dbport   = (int) ($in['dbport'] ?? 0) ?: ($s->dbtype === 'pgsql' ? 5432 : 3306);
        $s->dbname   = $in['dbname'] ?? 'moodle';
        $s->dbuser   = $in['dbuser'] ?? 'moodle';
        $s->passfile = $in['dbpass_file'] ?? '/run/secrets/db_password';
        $s->prefix   = $in['prefix'] ?? 'mdl_';
        $s->dataroot = $in['dataroot'] ?? '/var/moodledata';
        $s->dirroot  = $in['dirroot'] ?? '/var/www/html';
        if (!preg_match('/^[a-z0-9_]*$/', $s->prefix)) {
            throw new RuntimeException("$path: prefix may hold lower-case letters, digits and _ only");
        }
        return $s;
    }

    /** The folder of the command-line scripts' tree: one above public/ from Moodle 5.1 on. */
    public function root(): string {
        return is_dir($this->dirroot . '/admin/cli') ? $this->dirroot : dirname($this->dirroot);
    }

    public function pdo(): PDO {
        if (!$this->pdo) {
            $password = $this->password ?? @file_get_contents($this->passfile);
            if ($password === false) {
                throw new RuntimeException("cannot read {$this->passfile}");
            }
            $password = rtrim($password, "\r\n");
            $dsn = $this->dbtype === 'pgsql'
                ? "pgsql:host={$this->dbhost};port={$this->dbport};dbname={$this->dbname};connect_timeout=3"
                : "mysql:host={$this->dbhost};port={$this->dbport};dbname={$this->dbname};charset=utf8mb4";
            $this->pdo = new PDO($dsn, $this->dbuser, $password,
                [PDO::ATTR_TIMEOUT => 3, PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
        }
        return $this->pdo;
    }

    public function close(): void {
        $this->pdo = null;
    }

    /** Names of the tables with the site's prefix. */
    public function tables(): array {
        $sql = $this->dbtype === 'pgsql'
            ? "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND left(tablename, ?) = ?"
            : "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND left(table_name, ?) = ?";
        $q = $this->pdo()->prepare($sql);
        $q->execute([strlen($this->prefix), $this->prefix]);
        return $q->fetchAll(PDO::FETCH_COLUMN);
    }

    /** Values of the named core settings; those that are not set are absent. */
    public function config(string ...$names): array {
        $marks = implode(',', array_fill(0, count($names), '?'));
        $q = $this->pdo()->prepare("SELECT name, value FROM {$this->prefix}config WHERE name IN ($marks)");
        $q->execute($names);
        return $q->fetchAll(PDO::FETCH_KEY_PAIR);
    }

    /** Whose database it is, as its container was told; null where it was not. */
    public function identity(): ?string {
        $pdo = $this->pdo();
        try {
            return $pdo->query('SELECT value FROM mprov.identity')->fetchColumn() ?: null;
        } catch (PDOException $e) {
            // No such database, schema or table, or none that this user was given.
            if (in_array($e->getCode(), ['42S02', '42000', '42P01', '3F000', '42501'], true)) {
                return null;
            }
            throw $e;
        }
    }

    /** version, release and branch of the code; read, never run: it is somebody else's file. */
    public function code(): array {
        $text = (string) @file_get_contents($this->dirroot . '/version.php');
        $out = ['version' => null, 'release' => null, 'branch' => null];
        foreach ($out as $name => $_) {
            if (preg_match('/^\s*\$' . $name . '\s*=\s*[\'"]?([^\'";]+)/m', $text, $m)) {
                $out[$name] = trim($m[1]);
            }
        }
        return $out;
    }

    /** Versions are decimal numbers with two places; as floats they would differ by rounding. */
    public static function compare(?string $a, ?string $b): int {
        $norm = function (?string $v): array {
            $parts = explode('.', (string) $v, 2);
            return [(int) $parts[0], (int) str_pad(substr($parts[1] ?? '', 0, 2), 2, '0')];
        };
        return $norm($a) <=> $norm($b);
    }

    /** Made before the first table, removed after the last step of an installation. */
    public function install_mark(): string {
        return $this->dataroot . '/.mprov-installing';
    }

    /** Which database the mark speaks of: a copied data folder must not condemn another one. */
    public function install_mark_text(): string {
        return json_encode(['dbtype' => $this->dbtype, 'dbhost' => $this->dbhost, 'dbport' => $this->dbport,
            'dbname' => $this->dbname, 'prefix' => $this->prefix]);
    }

    /**
     * empty: no table. partial: an installation of ours began and did not end. installed.
     * foreign: tables, but no finished site and no mark of ours.
     */
    public function install_state(): string {
        if (!$this->tables()) {
            return 'empty';
        }
        $marked = @file_get_contents($this->install_mark()) === $this->install_mark_text();
        try {
            $have = $this->config('version', 'rolesactive', 'registrationpending');
        } catch (PDOException $e) {
            return $marked ? 'partial' : 'foreign';
        }
        $complete = isset($have['version']) && !empty($have['rolesactive']);
        // The installer's last word in the database is registrationpending: with it, whoever
        // should have removed the mark died after the work was done.
        if ($complete && (!$marked || isset($have['registrationpending']))) {
            return 'installed';
        }
        return $marked ? 'partial' : 'foreign';
    }

    /** Whether anybody ever logged in: then no mark may condemn the tables. */
    public function was_used(): bool {
        try {
            return (bool) $this->pdo()->query("SELECT 1 FROM {$this->prefix}user WHERE currentlogin > 0 LIMIT 1")->fetchColumn();
        } catch (PDOException $e) {
            return false;
        }
    }
}
