use super::check;

#[test]
fn json() {
    check(&[
        (
            r#"jsondecode("{\"a\":[1,2.50,true,null],\"b\":\"\\u00e9\\ud83d\\ude00\"}")"#,
            r#"{a = [1, 2.5, true, null], b = "é😀"}"#,
        ),
        (r#"jsondecode("{a}")"#, "MP1206"),
        (r#"jsondecode("[1,]")"#, "MP1206"),
        (r#"jsondecode(" 1e3 ")"#, "1000"),
        (r#"jsondecode("01")"#, "MP1206"),
        (r#"jsondecode("\"x\" y")"#, "MP1206"),
        (r#"jsonencode("<a>&\u2028\u0001\n")"#, r#""\"\\u003ca\\u003e\\u0026\\u2028\\u0001\\n\"""#),
        ("jsonencode(1.10)", r#""1.1""#),
        ("jsonencode({b=null,a=[]})", r#""{\"a\":[],\"b\":null}""#),
        ("jsonencode(12345678901234567890.123)", r#""12345678901234567890.123""#),
        ("jsonencode(tolist([]))", r#""[]""#),
        (r#"jsonencode(tomap({"a<b"=1}))"#, r#""{\"a\\u003cb\":1}""#),
        (r#"jsondecode("[]")"#, "[]"),
        (r#"jsondecode("")"#, "MP1206"),
        (r#"jsondecode("\"\\ud800\"")"#, r#""�""#),
        (r#"jsondecode("1.0")"#, "1"),
        (r#"jsondecode("{\"a\":1,\"a\":2}")"#, "{a = 2}"),
    ]);
}

#[test]
fn yaml() {
    check(&[
        (
            r#"yamlencode({a=1,b=[1,"x"],c={},d=[],e={f="g"},h=null,i=true,j="multi\nline\n",k="x: y"})"#,
            r#""\"a\": 1\n\"b\":\n- 1\n- \"x\"\n\"c\": {}\n\"d\": []\n\"e\":\n  \"f\": \"g\"\n\"h\": null\n\"i\": true\n\"j\": |\n  multi\n  line\n\"k\": \"x: y\"\n""#,
        ),
        ("yamlencode([[1,2],[{a=1,b=[1]}]])", r#""- - 1\n  - 2\n- - \"a\": 1\n    \"b\":\n    - 1\n""#),
        (r#"yamlencode("a")"#, r#""\"a\"\n""#),
        ("yamlencode([])", r#""[]\n""#),
        (
            r#"yamlencode({a="x\ny",b="tail \nx",c="\n",d=" lead\nx","e f"="<>&",g="é",h="1.0",i=1.5})"#,
            r#""\"a\": |-\n  x\n  y\n\"b\": \"tail \\nx\"\n\"c\": |2+\n\n\"d\": |2-\n   lead\n  x\n\"e f\": \"<>&\"\n\"g\": \"é\"\n\"h\": \"1.0\"\n\"i\": 1.5\n""#,
        ),
        ("yamlencode([{a={b=1}}])", r#""- \"a\":\n    \"b\": 1\n""#),
        ("yamlencode({a=[{b=1,c=2},[]]})", r#""\"a\":\n- \"b\": 1\n  \"c\": 2\n- []\n""#),
        (r#"yamlencode({a="l1\n\nl2\n",b="x\n\n"})"#, r#""\"a\": |\n  l1\n\n  l2\n\"b\": |+\n  x\n\n""#),
        (
            r#"yamlencode({c="\n",d=" lead\nx",b="x\n\n",t="\tx\ny",u="a\tb\nc",v="\n\n",w="a\n\n\nb\n\n\n"})"#,
            r#""\"b\": |+\n  x\n\n\"c\": |2+\n\n\"d\": |2-\n   lead\n  x\n\"t\": \"\\tx\\ny\"\n\"u\": \"a\\tb\\nc\"\n\"v\": |2+\n\n\n\"w\": |+\n  a\n\n\n  b\n\n\n""#,
        ),
        (
            r#"yamlencode({a={b="x\ny",c=["p\nq"]}})"#,
            r#""\"a\":\n  \"b\": |-\n    x\n    y\n  \"c\":\n  - |-\n    p\n    q\n""#,
        ),
        (r#"yamlencode(["p\nq",["r\ns\n"]])"#, r#""- |-\n  p\n  q\n- - |\n    r\n    s\n""#),
        (
            r#"yamlencode({"1"=1,"true"="true","a: b"="- x",n="~",e="",m="null"})"#,
            r#""\"1\": 1\n\"a: b\": \"- x\"\n\"e\": \"\"\n\"m\": \"null\"\n\"n\": \"~\"\n\"true\": \"true\"\n""#,
        ),
        (r#"yamlencode("multi\nline")"#, r#""|-\n  multi\n  line\n""#),
        (r#"yamlencode("x\u0001")"#, r#""\"x\\x01\"\n""#),
        (r#"yamlencode("back\\slash \"q\" 'x' \t tab")"#, r#""\"back\\\\slash \\\"q\\\" 'x' \\t tab\"\n""#),
        ("yamlencode(1.50)", r#""1.5\n...\n""#),
        ("yamlencode(1e30)", r#""1000000000000000000000000000000\n...\n""#),
        ("yamlencode(null)", r#""null\n...\n""#),
        (r#"yamlencode({a="日本"})"#, r#""\"a\": \"日本\"\n""#),
        (r#"yamlencode({a="x\u2028y"})"#, r#""\"a\": \"x\\Ly\"\n""#),
    ]);
}

#[test]
fn other_encodings_and_paths() {
    check(&[
        (r#"base64encode("hé")"#, r#""aMOp""#),
        (r#"base64decode("aMOp")"#, r#""hé""#),
        (r#"base64decode("!!")"#, "MP1206"),
        (r#"base64decode("/w==")"#, "MP1206"),
        (
            r#"csvdecode("a,b\n1,2\n3,\"x,\"\"y\"\"\"\n")"#,
            r#"list[{a = "1", b = "2"}, {a = "3", b = "x,\"y\""}]"#,
        ),
        (r#"csvdecode("a,b\n1")"#, "MP1206"),
        (r#"csvdecode("a,a\n1,2")"#, "MP1206"),
        (r#"csvdecode("")"#, "MP1206"),
        (r#"csvdecode("a,b\r\n1,\r\n\r\n,2")"#, r#"list[{a = "1", b = ""}, {a = "", b = "2"}]"#),
        (r#"urlencode("a b&c/é~-_.*")"#, r#""a+b%26c%2F%C3%A9~-_.%2A""#),
        (r#"textencodebase64("hé","UTF-16LE")"#, r#""aADpAA==""#),
        (r#"textdecodebase64("aADpAA==","UTF-16LE")"#, r#""hé""#),
        (r#"textencodebase64("x","foo")"#, "MP1206"),
        (r#"dirname("a/b/c.txt")"#, r#""a/b""#),
        (r#"dirname("/a")"#, r#""/""#),
        (r#"dirname("a")"#, r#"".""#),
        (r#"dirname("")"#, r#"".""#),
        (r#"dirname("a/../b/c")"#, r#""b""#),
        (r#"dirname("/a/b/")"#, r#""/a/b""#),
        (r#"basename("/a/b")"#, r#""b""#),
        (r#"basename("/a/b/")"#, r#""b""#),
        (r#"basename("")"#, r#"".""#),
        (r#"basename("/")"#, r#""/""#),
        (r#"sha256("hello")"#, r#""2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824""#),
        (r#"base64sha256("hello")"#, r#""LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=""#),
        (r#"base64encode("")"#, r#""""#),
        (r#"csvdecode("a,b\n\"x\ny\",2")"#, r#"list[{a = "x\ny", b = "2"}]"#),
        (r#"csvdecode("a\n\"x")"#, "MP1206"),
        (r#"csvdecode("a,b\n1,2,3")"#, "MP1206"),
        (r#"csvdecode("a,b\n x , y ")"#, r#"list[{a = " x ", b = " y "}]"#),
        (r#"csvdecode("a\n\n1")"#, r#"list[{a = "1"}]"#),
        (r#"csvdecode("a,b\n,\n")"#, r#"list[{a = "", b = ""}]"#),
    ]);
}

#[test]
fn times() {
    check(&[
        (r#"formatdate("DD MMM YYYY hh:mm ZZZ","2018-01-02T23:12:01Z")"#, r#""02 Jan 2018 23:12 UTC""#),
        (
            r#"formatdate("EEEE, DD-MMM-YY hh:mm:ss ZZZ","2018-01-02T23:12:01-08:00")"#,
            r#""Tuesday, 02-Jan-18 23:12:01 -0800""#,
        ),
        (
            r#"formatdate("HH:mm aa AA H h m s D M YY EEE MMMM ZZZZZ ZZZZ Z 'it''s'","2018-01-02T03:02:01+01:30")"#,
            r#""03:02 am AM 3 3 2 1 2 1 18 Tue January +01:30 +0130 +01:30 it's""#,
        ),
        (r#"formatdate("x","2018-01-02T23:12:01Z")"#, "MP1206"),
        (r#"formatdate("YYYY","2018-01-02 23:12:01Z")"#, "MP1206"),
        (r#"formatdate("YYYY","2018-13-02T23:12:01Z")"#, "MP1206"),
        (r#"timeadd("2017-11-22T00:00:00Z","10m")"#, r#""2017-11-22T00:10:00Z""#),
        (r#"timeadd("2017-11-22T00:00:00+02:00","-1h30.5m")"#, r#""2017-11-21T22:29:30+02:00""#),
        (r#"timeadd("2017-11-22T00:00:00Z","1d")"#, "MP1206"),
        (r#"timecmp("2017-11-22T00:00:00Z","2017-11-22T01:00:00+01:00")"#, "0"),
        (r#"timecmp("2017-11-22T00:00:00Z","2017-11-22T00:00:01Z")"#, "-1"),
        (r#"timeadd("2020-02-28T23:59:59Z","24h")"#, r#""2020-02-29T23:59:59Z""#),
        (r#"timeadd("2020-02-28T23:59:59.5Z","0.5s")"#, r#""2020-02-29T00:00:00Z""#),
        (
            r#"formatdate("YYYY-MM-DD'T'hh:mm:ssZ","2020-02-28T23:59:59.999-00:00")"#,
            r#""2020-02-28T23:59:59Z""#,
        ),
        (r#"formatdate("hhmm","2020-02-28T24:00:00Z")"#, "MP1206"),
    ]);
}

#[test]
fn networks() {
    check(&[
        (r#"cidrhost("10.12.112.0/20",16)"#, r#""10.12.112.16""#),
        (r#"cidrhost("10.12.112.0/20",-1)"#, r#""10.12.127.255""#),
        (r#"cidrhost("10.12.112.0/20",4096)"#, "MP1206"),
        (r#"cidrhost("fd00:fd12:3456:7890::/56",34)"#, r#""fd00:fd12:3456:7800::22""#),
        (r#"cidrhost("10.0.0.5/8",0)"#, r#""10.0.0.0""#),
        (r#"cidrhost("x",1)"#, "MP1206"),
        (r#"cidrnetmask("172.16.0.0/12")"#, r#""255.240.0.0""#),
        (r#"cidrnetmask("0.0.0.0/0")"#, r#""0.0.0.0""#),
        (r#"cidrnetmask("fd00::/8")"#, "MP1206"),
        (r#"cidrsubnet("172.16.0.0/12",4,2)"#, r#""172.18.0.0/16""#),
        (r#"cidrsubnet("10.1.2.0/24",4,15)"#, r#""10.1.2.240/28""#),
        (r#"cidrsubnet("10.1.2.0/24",4,16)"#, "MP1206"),
        (r#"cidrsubnet("10.1.2.0/24",9,0)"#, "MP1206"),
        (r#"cidrsubnet("fd00:fd12:3456:7890::/56",16,162)"#, r#""fd00:fd12:3456:7800:a200::/72""#),
        (
            r#"cidrsubnets("10.1.0.0/16",4,4,8,4)"#,
            r#"list["10.1.0.0/20", "10.1.16.0/20", "10.1.32.0/24", "10.1.48.0/20"]"#,
        ),
        (r#"cidrsubnets("10.1.0.0/16",1,1,1)"#, "MP1206"),
        (r#"cidrsubnets("fd00::/16",8,8)"#, r#"list["fd00::/24", "fd00:100::/24"]"#),
        (r#"cidrsubnets("10.0.0.0/24",8,1)"#, r#"list["10.0.0.0/32", "10.0.0.128/25"]"#),
        (r#"cidrsubnet("010.001.0.0/16",8,1)"#, r#""10.1.1.0/24""#),
        (r#"cidrsubnet("10.0.0.0/8",0,0)"#, r#""10.0.0.0/8""#),
        (r#"cidrsubnet("10.0.0.0/8",-1,0)"#, "MP1206"),
        (r#"cidrsubnet("10.0.0.0/30",2,3)"#, r#""10.0.0.3/32""#),
        (r#"cidrhost("10.0.0.0/32",0)"#, r#""10.0.0.0""#),
        (r#"cidrhost("10.0.0.0/32",1)"#, "MP1206"),
        (r#"cidrhost("::ffff:1.2.3.4/120",1)"#, r#""::ffff:1.2.3.1""#),
        (r#"cidrsubnets("10.0.0.0/24",1,2,2)"#, r#"list["10.0.0.0/25", "10.0.0.128/26", "10.0.0.192/26"]"#),
        (r#"cidrsubnets("10.0.0.0/24",2,1,2)"#, "MP1206"),
        (r#"cidrsubnets("10.0.0.0/24")"#, "list[]"),
    ]);
}
