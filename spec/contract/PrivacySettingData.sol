// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface ISessionData {
    function sessionOwner(uint256 sessionId) external view returns (address);
}

/// PrivacySettingData -- which sessions are private, and which miners may work for them.
/// Rules: spec/contract.md.
contract PrivacySettingData {
    ISessionData private immutable sessionData;

    /// Set once, cleared by nothing.
    mapping(uint256 sessionId => bool) public sessionEncryptionEnabled;
    mapping(uint256 sessionId => address[]) private miners;
    /// A miner's place in `miners`, counted from 1; zero for one that is not there.
    mapping(uint256 sessionId => mapping(address miner => uint256)) private place;

    event MinerAllowed(uint256 indexed sessionId, address indexed miner);
    event MinerRemoved(uint256 indexed sessionId, address indexed miner);
    event SessionEncrypted(uint256 indexed sessionId);

    error NoSessionData(address sessionData);
    error NotSessionOwner(uint256 sessionId, address caller);
    error ZeroMiner();
    error MinerAlreadyAllowed(uint256 sessionId, address miner);
    error MinerNotAllowed(uint256 sessionId, address miner);
    error SessionAlreadyEncrypted(uint256 sessionId);

    /// Asked at every change, so that the new owner of a session is known at once.
    modifier onlySessionOwner(uint256 sessionId) {
        require(sessionData.sessionOwner(sessionId) == msg.sender, NotSessionOwner(sessionId, msg.sender));
        _;
    }

    /// An address without code would refuse every owner, without a word of why.
    constructor(address sessionData_) {
        require(sessionData_.code.length != 0, NoSessionData(sessionData_));
        sessionData = ISessionData(sessionData_);
    }

    /// The first miner makes the session private.
    function addSessionAllowedMiner(uint256 sessionId, address miner) external onlySessionOwner(sessionId) {
        require(miner != address(0), ZeroMiner());
        require(place[sessionId][miner] == 0, MinerAlreadyAllowed(sessionId, miner));
        if (!sessionEncryptionEnabled[sessionId]) {
            encrypt(sessionId);
        }
        miners[sessionId].push(miner);
        place[sessionId][miner] = miners[sessionId].length;
        emit MinerAllowed(sessionId, miner);
    }

    /// The last miner takes the place of the one that goes.  The session stays private, even without any.
    function removeSessionAllowedMiner(uint256 sessionId, address miner) external onlySessionOwner(sessionId) {
        uint256 gap = place[sessionId][miner];
        require(gap != 0, MinerNotAllowed(sessionId, miner));
        address[] storage list = miners[sessionId];
        address last = list[list.length - 1];
        if (last != miner) {
            list[gap - 1] = last;
            place[sessionId][last] = gap;
        }
        list.pop();
        delete place[sessionId][miner];
        emit MinerRemoved(sessionId, miner);
    }

    /// Makes a session private that has no miner yet.
    function enableSessionEncryption(uint256 sessionId) external onlySessionOwner(sessionId) {
        require(!sessionEncryptionEnabled[sessionId], SessionAlreadyEncrypted(sessionId));
        encrypt(sessionId);
    }

    function sessionAllowedMiners(uint256 sessionId, address miner) external view returns (bool) {
        return place[sessionId][miner] != 0;
    }

    function getAllowedMinersCount(uint256 sessionId) external view returns (uint256) {
        return miners[sessionId].length;
    }

    /// At most `limit` miners from place `offset`, counted from 0; none past the end, whatever the numbers.
    function getAllowedMiners(uint256 sessionId, uint256 offset, uint256 limit)
        external
        view
        returns (address[] memory page)
    {
        address[] storage list = miners[sessionId];
        uint256 left = offset < list.length ? list.length - offset : 0;
        page = new address[](limit < left ? limit : left);
        for (uint256 i = 0; i < page.length; i++) {
            page[i] = list[offset + i];
        }
    }

    function encrypt(uint256 sessionId) private {
        sessionEncryptionEnabled[sessionId] = true;
        emit SessionEncrypted(sessionId);
    }
}
