use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::moto;
use crate::refusals::Tokens;
use crate::request::Request;
use crate::xml;

/// Stands between the provider and moto: refuses what EC2 refuses, keeps what EC2 promises about
/// client tokens, and goes wrong as networks and clouds do.
pub struct Proxy {
    pub port: u16,
    state: Mutex<State>,
    /// What is looked at before a refusal stays so until the call is made.
    one_at_a_time: tokio::sync::Mutex<()>,
}

#[derive(Default)]
pub struct State {
    rules: Vec<Rule>,
    trap: Option<(String, String)>,
    chaos: Option<Chaos>,
    tokens: Tokens,
    /// Ids and tokens that stay out of sight for that many looks.
    hidden: BTreeMap<String, u32>,
    /// Looks for which the next new thing stays out of sight.
    hide_next: u32,
    /// Volumes that were changed, and cannot be changed again soon.
    pub modified: BTreeSet<String>,
    /// Actions, in the order in which they came to moto.
    pub done: Vec<String>,
}

/// What goes wrong with the next calls of one action.
#[derive(Clone, Debug)]
struct Rule {
    action: String,
    times: u32,
    fault: Fault,
}

#[derive(Clone, Debug)]
pub enum Fault {
    /// Refused with that status and code; without effect.
    Refused(u16, &'static str),
    /// Takes effect; the connection ends without a reply.
    Lost,
    /// Takes effect; the reply says that the server had an error.
    Failed,
    /// Takes effect; no reply ever comes.
    Silence,
    /// Answered late.
    Late(Duration),
}

/// All of it, at random.
struct Chaos {
    dice: StdRng,
}

/// Throttled so often, and so on, of 100 calls.
const THROTTLED: u32 = 6;
const UNAVAILABLE: u32 = 4;
const LOST: u32 = 4;
const FAILED: u32 = 3;
const LATE: u32 = 10;
/// Of 100 new things.
const HIDDEN: u32 = 30;
const MOST_LOOKS: u32 = 3;
const MOST_DELAY: u64 = 40;

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self { status, body: xml::error(code, message) }
    }
}

impl Proxy {
    pub async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let proxy =
            Arc::new(Self { port, state: Mutex::default(), one_at_a_time: tokio::sync::Mutex::default() });
        let serving = proxy.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let proxy = serving.clone();
                tokio::spawn(async move { proxy.serve(stream).await });
            }
        });
        proxy
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it is held")
    }

    /// The next calls of that action go wrong.
    pub fn inject(&self, action: &str, times: u32, fault: Fault) {
        self.state().rules.push(Rule { action: action.to_owned(), times, fault });
    }

    /// The next new thing stays out of sight for that many looks.
    pub fn hide_next(&self, looks: u32) {
        self.state().hide_next = looks;
    }

    /// Once the first call has taken effect, the second one is throttled without end.
    pub fn throttle_after(&self, first: &str, second: &str) {
        self.state().trap = Some((first.to_owned(), second.to_owned()));
    }

    /// From now on nothing goes wrong any more.
    pub fn calm(&self) {
        let mut state = self.state();
        (state.rules, state.trap, state.chaos) = (Vec::new(), None, None);
    }

    pub fn go_wild(&self, seed: u64) {
        self.state().chaos = Some(Chaos { dice: StdRng::seed_from_u64(seed) });
    }

    /// How often moto got that call.
    pub fn count(&self, action: &str) -> usize {
        self.state().done.iter().filter(|done| *done == action).count()
    }

    async fn serve(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some(request) = receive(&mut stream).await {
            let Some(answer) = self.answer(&request).await else { return };
            if reply(&mut stream, &answer).await.is_err() {
                return;
            }
        }
    }

    /// None ends the connection without a reply.
    async fn answer(&self, request: &Request) -> Option<Answer> {
        let fault = self.state().fault(request);
        match fault {
            Some(Fault::Refused(status, code)) => return Some(Answer::error(status, code, "injected")),
            Some(Fault::Late(time)) => tokio::time::sleep(time).await,
            _ => {}
        }
        let answer = self.effect(request).await;
        match fault {
            Some(Fault::Lost) => None,
            Some(Fault::Failed) => {
                Some(Answer::error(500, "InternalError", "An internal error has occurred"))
            }
            Some(Fault::Silence) => std::future::pending().await,
            _ => Some(answer),
        }
    }

    async fn effect(&self, request: &Request) -> Answer {
        let known = self.state().tokens.known(request);
        if let Some(answer) = known {
            return answer;
        }
        let request = match self.state().seen_through(request) {
            Ok(request) => request,
            Err(not_found) => return not_found,
        };
        let answer = {
            let _turn = match request.action().starts_with("Describe") {
                true => None,
                false => Some(self.one_at_a_time.lock().await),
            };
            match self.refusal(&request).await {
                Some(refusal) => return refusal,
                None => self.forward(&for_moto(&request)).await,
            }
        };
        let mut state = self.state();
        state.done.push(request.action().to_owned());
        state.tokens.keep(&request, &answer);
        state.hide(&request, &answer);
        answer
    }

    /// The call, made at moto.
    pub async fn forward(&self, request: &Request) -> Answer {
        let body = request.body();
        let mut stream = TcpStream::connect(("127.0.0.1", moto::port())).await.expect("moto listens");
        let head = format!(
            "POST / HTTP/1.1\r\nHost: ec2.us-east-1.amazonaws.com\r\nAuthorization: {}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            request.authorization,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("moto takes the call");
        stream.write_all(body.as_bytes()).await.expect("moto takes the call");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.expect("moto answers");
        let all = String::from_utf8(all).expect("text");
        let (head, body) = all.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, body: body.to_owned() }
    }
}

impl State {
    fn fault(&mut self, request: &Request) -> Option<Fault> {
        let action = request.action();
        if let Some(rule) = self.rules.iter_mut().find(|rule| rule.action == action && rule.times > 0) {
            rule.times -= 1;
            return Some(rule.fault.clone());
        }
        if self.trap.as_ref().is_some_and(|(first, second)| second == action && self.done.contains(first)) {
            return Some(Fault::Refused(503, "RequestLimitExceeded"));
        }
        self.chaos.as_mut()?.fault()
    }

    /// The call with what is out of sight left out; or the answer that it is not there.
    fn seen_through(&mut self, request: &Request) -> Result<Request, Answer> {
        let looks = request.action().starts_with("Describe");
        let mut request = request.clone();
        for value in request.parameters.values_mut() {
            let Some(left) = self.hidden.get_mut(value).filter(|left| **left > 0) else { continue };
            match not_found(value) {
                Some(code) => {
                    *left -= 1;
                    return Err(Answer::error(400, code, "does not exist"));
                }
                None if looks => {
                    *left -= 1;
                    *value = "out-of-sight".to_owned();
                }
                None => {}
            }
        }
        Ok(request)
    }

    fn hide(&mut self, request: &Request, answer: &Answer) {
        let made = new_id(request, answer);
        let (Some(id), Some(token)) = (made, request.token()) else { return };
        let looks = match self.chaos.as_mut() {
            Some(chaos) => chaos.looks(),
            None => std::mem::take(&mut self.hide_next),
        };
        if looks > 0 {
            self.hidden.insert(id, looks);
            self.hidden.insert(token.to_owned(), looks);
        }
    }
}

impl Chaos {
    fn fault(&mut self) -> Option<Fault> {
        let late = Duration::from_millis(self.dice.random_range(1..=MOST_DELAY));
        let mut roll = self.dice.random_range(0..100);
        let shares = [
            (THROTTLED, Fault::Refused(503, "RequestLimitExceeded")),
            (UNAVAILABLE, Fault::Refused(503, "Unavailable")),
            (LOST, Fault::Lost),
            (FAILED, Fault::Failed),
            (LATE, Fault::Late(late)),
        ];
        for (share, fault) in shares {
            if roll < share {
                return Some(fault);
            }
            roll -= share;
        }
        None
    }

    fn looks(&mut self) -> u32 {
        match self.dice.random_range(0..100) < HIDDEN {
            true => self.dice.random_range(1..=MOST_LOOKS),
            false => 0,
        }
    }
}

/// Moto expects changed user data to be encoded twice; EC2 and its clients encode it once.
fn for_moto(request: &Request) -> Request {
    let mut request = request.clone();
    if request.action() == "ModifyInstanceAttribute"
        && let Some(data) = request.parameters.get_mut("UserData.Value")
    {
        *data = STANDARD.encode(&*data);
    }
    request
}

/// Of what a call has made: action, and the element of the answer that has its id.
const MAKING: [(&str, &str); 12] = [
    ("CreateVpc", "vpcId"),
    ("CreateSubnet", "subnetId"),
    ("CreateInternetGateway", "internetGatewayId"),
    ("CreateRouteTable", "routeTableId"),
    ("CreateSecurityGroup", "groupId"),
    ("AuthorizeSecurityGroupIngress", "securityGroupRuleId"),
    ("AuthorizeSecurityGroupEgress", "securityGroupRuleId"),
    ("ImportKeyPair", "keyPairId"),
    ("RunInstances", "instanceId"),
    ("CreateVolume", "volumeId"),
    ("CreateSnapshot", "snapshotId"),
    ("AllocateAddress", "allocationId"),
];

fn new_id(request: &Request, answer: &Answer) -> Option<String> {
    let (_, element) = MAKING.iter().find(|(action, _)| *action == request.action())?;
    (answer.status == 200).then(|| xml::text(&answer.body, element).map(str::to_owned))?
}

/// What EC2 says of an id that it does not know; none for other texts.
fn not_found(id: &str) -> Option<&'static str> {
    Some(match id.split_once('-')?.0 {
        "vpc" => "InvalidVpcID.NotFound",
        "subnet" => "InvalidSubnetID.NotFound",
        "igw" => "InvalidInternetGatewayID.NotFound",
        "rtb" => "InvalidRouteTableID.NotFound",
        "sg" => "InvalidGroup.NotFound",
        "sgr" => "InvalidSecurityGroupRuleId.NotFound",
        "key" => "InvalidKeyPair.NotFound",
        "i" => "InvalidInstanceID.NotFound",
        "vol" => "InvalidVolume.NotFound",
        "snap" => "InvalidSnapshot.NotFound",
        "eipalloc" => "InvalidAllocationID.NotFound",
        _ => return None,
    })
}

async fn receive(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut length = 0;
    let mut authorization = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => authorization = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request::parse(authorization, std::str::from_utf8(&body).ok()?))
}

async fn reply(stream: &mut BufReader<TcpStream>, answer: &Answer) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {} X\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n",
        answer.status,
        answer.body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(answer.body.as_bytes()).await
}
