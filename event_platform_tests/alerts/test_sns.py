"""SNS, against moto's server: topics and telephone numbers, and what SNS refuses."""

import json

import pytest
from moto.sns import sns_backends

from event_platform.alerts import channels
from event_platform.alerts.configuration import Recipient
from event_platform.alerts.messages import Message
from event_platform.errors import ConfigurationError, TransientError

pytestmark = pytest.mark.usefixtures("sns")

RECIPIENT = Recipient(channel="sns", address_from="DUTY_TARGET")
MESSAGE = Message("gale:  Tromsø\nbreach " + "x" * 100, "gale: Tromsø wind_gust_m_per_s 21, above 20")


@pytest.fixture
def sns(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - SNS is there
    monkeypatch.setattr(channels, "FIRST_PAUSE_SECONDS", 0.01)


def test_a_topic_gets_title_and_text(monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    topics, queues = (boto3.client(service, region_name="eu-west-1") for service in ("sns", "sqs"))
    topic = topics.create_topic(Name="alerts")["TopicArn"]
    queue = queues.create_queue(QueueName="inbox")["QueueUrl"]
    topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:eu-west-1:{topic.split(':')[4]}:inbox")
    monkeypatch.setenv("DUTY_TARGET", topic)
    channels.send(RECIPIENT, MESSAGE)
    (received,) = queues.receive_message(QueueUrl=queue)["Messages"]
    body = json.loads(received["Body"])
    assert body["Message"] == MESSAGE.text
    assert body["Subject"] == ("gale: Troms? breach " + "x" * 100)[:100]


def test_a_telephone_number_gets_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUTY_TARGET", "+15550100123")
    channels.send(RECIPIENT, MESSAGE)
    (texted,) = sns_backends["123456789012"]["us-east-1"].sms_messages.values()
    assert texted == ("+15550100123", MESSAGE.text)


def test_what_sns_refuses_is_said_without_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUTY_TARGET", "arn:aws:sns:eu-west-1:123456789012:nosuchtopic")
    with pytest.raises(TransientError) as caught:
        channels.send(RECIPIENT, MESSAGE)
    assert "NotFound" in str(caught.value)
    assert "nosuchtopic" not in str(caught.value)
    assert "123456789012" not in str(caught.value)


def test_a_server_that_is_away_is_a_transient_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DUTY_TARGET", "+15550100123")
    with pytest.raises(TransientError, match="DUTY_TARGET"):
        channels.send(RECIPIENT, MESSAGE)


@pytest.mark.parametrize("target", ["mailto://x", "0612345678", "arn:aws:sqs:eu-west-1:123456789012:q"])
def test_what_is_no_target_is_a_configuration_error_that_names_the_variable(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUTY_TARGET", target)
    with pytest.raises(ConfigurationError, match="DUTY_TARGET") as caught:
        channels.send(RECIPIENT, MESSAGE)
    assert target not in str(caught.value)
